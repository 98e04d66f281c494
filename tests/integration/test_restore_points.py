"""Checkpoints in Blob Storage: listed, checked, protected, and restored from after the job's own are gone.

One loop and one job for all of it; the job's topology document is in Blob Storage too, where Python publishes
and Flink reads it.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Iterator
from ssl import create_default_context
from typing import TYPE_CHECKING, Any

import pytest

from anabranch.devkit import process
from anabranch.devkit.cloud_services import CloudSpec
from anabranch.devkit.loop import FlinkSpec, Loop, LoopSpec
from anabranch.devkit.token_service import access_token
from anabranch.pipelines.savepoints import take_savepoint
from anabranch.topology import open_store, publish
from tests.integration.conftest import ANABRANCH
from tests.integration.counting import RECORDS, Counting

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import StreamMaker, WriteCountingJob
    from tests.integration.conftest import RunJob

# The first start on a machine installs Azurite.
pytestmark = [pytest.mark.brokers, pytest.mark.flink, pytest.mark.long, pytest.mark.timeout(1500)]

STATE = "abfss://state@anabranch.dfs.core.windows.net"


@pytest.fixture
def loop(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Loop]:
    """One primary, one TaskManager, a cloud, and its identity for what the test starts."""
    spec = LoopSpec(
        name=f"points-{os.getpid()}-{uuid.uuid4().hex[:6]}",
        primaries=1,
        streams={},
        flink=FlinkSpec(task_managers=1, short_lived=True),
        cloud=CloudSpec(in_memory=True),
    )
    with Loop.up(spec) as loop:
        for name, value in loop.cloud.client_environment.items():
            monkeypatch.setenv(name, value)
        yield loop


@pytest.fixture
def two_brokers(loop: Loop) -> Loop:
    """On which the streams of these tests are made."""
    return loop


class Storage:
    """The container, past all that is tested."""

    def __init__(self, loop: Loop) -> None:
        self._url = f"{loop.cloud.url(loop.cloud.blob)}/state"
        ca = loop.cloud.flink_options["fs.azure.blob.ca-file"]
        self._context = create_default_context(cafile=ca)

    def names(self, prefix: str) -> list[str]:
        found = self._ask("GET", f"?restype=container&comp=list&prefix={prefix}").decode()
        return re.findall("<Name>([^<]*)</Name>", found)

    def delete(self, name: str) -> None:
        self._ask("DELETE", f"/{name}")

    def _ask(self, method: str, rest: str) -> bytes:
        headers = {"Authorization": f"Bearer {access_token(60)}", "x-ms-version": "2021-12-02"}
        request = urllib.request.Request(self._url + rest, method=method, headers=headers)
        with urllib.request.urlopen(request, context=self._context, timeout=30) as answer:
            body: bytes = answer.read()
            return body


class Runs:
    """The job on the loop's cluster, by the command line."""

    def __init__(self, loop: Loop, counting: Counting) -> None:
        self._counting, self.rest, self.folder = counting, loop.flink.rest, counting.folder
        self.cluster = f"--cluster={loop.flink.rest_address}:{loop.flink.rest_port}"

    def start(self, *options: str) -> tuple[str, str]:
        """Returns its id, and what was said."""
        code, said = self.call("run", self._counting.folder, self.cluster, "--detach", *options)
        assert code == 0, said
        job_id = re.findall(r"started as ([0-9a-f]{32})", said)[0]
        self.rest.await_running(job_id, timeout_s=300)
        return job_id, said

    def call(self, *arguments: str | Path) -> tuple[int, str]:
        done = process.run([ANABRANCH, *arguments], timeout_s=300)
        return done.code, done.output

    def points(self, *arguments: str | Path) -> Any:
        """The answer to one of the commands, as JSON."""
        code, said = self.call("checkpoints", *arguments, self.cluster, "--json")
        assert code == 0, said
        begin = min(place for place in (said.find("[\n"), said.find("{\n")) if place >= 0)
        return json.loads(said[begin:])

    def listed(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.points("list", self._counting.folder)
        return found

    def await_checkpoints(self, job_id: str, more: int) -> None:
        wanted = self.rest.completed_checkpoints(job_id) + more
        process.await_condition(
            lambda: self.rest.completed_checkpoints(job_id) >= wanted, 300, "checkpoints", every_s=0.2
        )

    def restored_from(self, job_id: str) -> str:
        return str(self.rest.checkpoints(job_id)["latest"]["restored"]["external_path"])


def kill_in_the_midst(runs: Runs, storage: Storage, name: str, copied: int) -> int:
    """Kills what protects the job's newest, and all it started, once so many files are copied.

    Returns:
        How many were there then.
    """
    target = f"--to={STATE}/{name}"
    command = [str(ANABRANCH), "checkpoints", "protect", str(runs.folder), target, runs.cluster]
    running = subprocess.Popen(
        command, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while len(storage.names(f"{name}/")) < copied:
            assert running.poll() is None, "it ended before it could be killed"
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait(60)
    # What the service was told to copy, it copies to the end.
    seen = [-1]
    while seen[-1] != len(storage.names(f"{name}/")):
        seen.append(len(storage.names(f"{name}/")))
        time.sleep(1)
    return seen[-1]


def thirds(records: int) -> dict[str, int]:
    return {f"r{run}": records // 3 for run in range(3)}


def await_counted(counting: Counting, each: int) -> None:
    wanted = thirds(3 * each)
    process.await_condition(lambda: counting.counted() == wanted, 300, f"{wanted} to be counted", every_s=0.5)


def test_a_job_is_restored_from_what_was_protected_when_all_else_is_gone(
    loop: Loop,
    make_stream: StreamMaker,
    tmp_path: Path,
    write_counting_job: WriteCountingJob,
    monkeypatch: pytest.MonkeyPatch,
    run_job: RunJob,
) -> None:
    counting, storage = Counting(make_stream, tmp_path, write_counting_job), Storage(loop)
    # No copy of it is cached by any earlier test.
    topology = f"{STATE}/{counting.stream.name}.yaml"
    publish(open_store(topology), counting.stream.topology_path.read_text())
    settings = counting.folder / "job.yaml"
    settings.write_text(
        settings.read_text().replace(counting.stream.topology, topology)
        # State would be so small that all of it went into the metadata.
        + "flink: {execution.checkpointing.data-inline-threshold: 0 b}\n"
    )
    runs = Runs(loop, counting)
    counting.write(0)
    first, _ = runs.start()
    await_counted(counting, RECORDS // 3)
    savepoints = {form: take_savepoint(runs.rest, first, form=form) for form in ("canonical", "native")}
    runs.await_checkpoints(first, 3)
    runs.rest.cancel(first)

    # One in whose midst the job was canceled has no metadata.
    listed = [each for each in runs.listed() if "no _metadata" not in str(each["problem"])]
    kinds = {point["uri"]: point["kind"] for point in listed}
    assert all(point["complete"] and first.startswith(point["run"]) for point in listed)
    assert [each for each in listed if each["kind"] == "incremental checkpoint"] == listed[:3]
    assert {form: kinds[uri] for form, uri in savepoints.items()} == {
        "canonical": "canonical savepoint",
        "native": "native savepoint",
    }
    numbers = [point["checkpoint_id"] for point in listed[:3]]
    assert numbers == sorted(numbers, reverse=True), "the newest is first"
    shown = runs.points("show", counting.folder)
    assert shown["uri"] == listed[0]["uri"]
    assert "1_dedup" in {operator["uid"] for operator in shown["operators"]}
    assert {"/shared/" in file["uri"] for file in shown["referenced"]} == {True, False}

    copies = [runs.points("protect", counting.folder), runs.points("protect", savepoints["native"])]
    assert copies[0]["uri"] == f"{STATE}/checkpoints/protected/{first}-{listed[0]['uri'].rpartition('/')[2]}"
    assert [copy["copied"] for copy in copies] == [copy["files"] for copy in copies]
    assert runs.points("protect", counting.folder)["copied"] == 0

    for copied in (1, 9):
        there = kill_in_the_midst(runs, storage, f"killed-{copied}", copied)
        files = copies[0]["files"]
        assert copied <= there < files, "killed in the midst"
        target = f"{STATE}/killed-{copied}"
        code, said = runs.call("checkpoints", "verify", target, runs.cluster)
        assert (code, "there is no checkpoint" in said) == (1, True), said
        assert runs.points("protect", counting.folder, f"--to={target}")["copied"] == files - there
        assert runs.call("checkpoints", "verify", target, runs.cluster)[0] == 0

    own = next(file["uri"] for file in shown["referenced"] if file["own"])
    storage.delete(own.removeprefix(f"{STATE}/"))
    code, said = runs.call("checkpoints", "verify", listed[0]["uri"], runs.cluster)
    assert (code, f"{own} is not there" in said) == (1, True), said
    code, said = runs.call("run", counting.folder, runs.cluster, f"--restore={listed[0]['uri']}", "--detach")
    assert code == 1
    assert "no job can be restored from it" in said
    second, said = runs.start("--restore=latest")
    assert runs.restored_from(second) == listed[1]["uri"], "the newest lacks a file"
    assert f"warning: {listed[0]['uri']} is left out" in said
    runs.rest.cancel(second)

    with monkeypatch.context() as patch:
        patch.setenv("AZURE_CLIENT_ID", "somebody")
        code, said = runs.call("run", counting.folder, runs.cluster, "--restore=latest", "--no-check")
        assert (code, "cannot be searched from here" in said) == (1, True), said

    counting.forget_what_was_read()
    for name in [*storage.names("checkpoints/"), *storage.names("savepoints/")]:
        if "/protected/" not in name:
            storage.delete(name)
    assert {point["uri"] for point in runs.listed()} == {copy["uri"] for copy in copies}
    code, said = runs.call("run", counting.folder, runs.cluster, "--restore=latest", "--detach")
    assert (code, "no checkpoint of this job is left" in said) == (1, True), "and it does not start anew"
    # It starts from the first part's state, and reads what was written since.
    third, _ = runs.start(f"--restore={copies[0]['uri']}")
    counting.write(RECORDS)
    await_counted(counting, 2 * RECORDS // 3)
    runs.rest.cancel(third)

    # Without a cluster Flink runs in the command itself, and keeps its state there too.
    counting.write(2 * RECORDS)
    own = run_job(counting.folder, f"--restore={copies[1]['uri']}", f"--checkpoint-dir={STATE}/own")
    process.await_condition(lambda: counting.counted() == thirds(RECORDS * 3), 300, "all", every_s=0.5)
    own.await_event("progress", lambda told: told["checkpoints"] >= 2, 200)
    own.interrupt()
    assert own.await_end(200) == 130, own.text
    kept = own.latest("stopped")["checkpoint"]
    assert kept.startswith(f"{STATE}/own/")
    assert runs.call("checkpoints", "verify", kept)[0] == 0
