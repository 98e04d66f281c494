"""A loop whose Flink keeps its state in Blob Storage over a link that may be made silent or slow.

Tests look at the blobs, and ask things of the token service, past that link.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import ssl
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

from anabranch.devkit import process
from anabranch.devkit.azurite import ACCOUNT
from anabranch.devkit.cloud_services import CloudSpec
from anabranch.devkit.faulty_link import FaultyLink
from anabranch.devkit.loop import FlinkSpec, Loop, LoopSpec
from anabranch.devkit.ports import claim_ports
from anabranch.devkit.token_service import access_token

__all__ = ["CHECKPOINTS", "STATE", "StoredLoop", "stored_loop"]

STATE = f"abfss://state@{ACCOUNT}.dfs.core.windows.net"
CHECKPOINTS = f"{STATE}/checkpoints"
_NAME = re.compile(r"<Name>([^<]+)</Name>")
_NOTHING: Mapping[str, str] = {}
_HOUR_S = 3600


class StoredLoop:
    """One primary, one TaskManager, a cloud, and the link between the two.

    Attributes:
        loop: All of it.
        link: Flink's way to Azurite; nobody else's.
    """

    def __init__(self, loop: Loop, link: FaultyLink) -> None:
        self.loop, self.link = loop, link

    def tokens(self, wanted: str = "") -> dict[str, int]:
        """Asks something of the token service; what it gave and refused so far."""
        status, body = self._ask(self.loop.cloud.url(self.loop.cloud.tokens), "POST", f"/control?{wanted}")
        assert status == 200, body
        told: dict[str, int] = json.loads(body)
        return told

    def blobs(self, prefix: str) -> list[str]:
        """Names of those that are there as a whole."""
        query = f"restype=container&comp=list&prefix={quote(prefix)}"
        status, body = self._storage("GET", f"state?{query}")
        assert status == 200, body
        return _NAME.findall(body)

    def delete_blob(self, name: str) -> None:
        """Of the container with the state."""
        status, body = self._storage("DELETE", f"state/{quote(name)}")
        assert status == 202, body

    def complete(self, job_id: str) -> dict[int, str]:
        """A job's checkpoints that have their last file: number and URI."""
        pattern = re.compile(rf"checkpoints/{job_id}/chk-(\d+)/_metadata")
        found = filter(None, map(pattern.fullmatch, self.blobs(f"checkpoints/{job_id}/chk-")))
        return {int(match[1]): f"{CHECKPOINTS}/{job_id}/chk-{match[1]}" for match in found}

    def completed_checkpoints(self, job_id: str) -> int:
        """How many Flink knows as completed."""
        return self.loop.flink.rest.completed_checkpoints(job_id)

    def await_checkpoints(self, job_id: str, more: int, timeout_s: float = 90) -> None:
        """Until so many more than now are complete: what has been counted is in the second at the latest."""
        wanted = self.completed_checkpoints(job_id) + more
        process.await_condition(
            lambda: self.completed_checkpoints(job_id) >= wanted, timeout_s, "checkpoints", every_s=0.2
        )

    def latest_completed(self, job_id: str) -> int:
        """Number of the newest that Flink knows as completed."""
        return int(self.loop.flink.rest.checkpoints(job_id)["latest"]["completed"]["id"])

    def in_progress(self, job_id: str) -> int | None:
        """Number of the checkpoint that is being taken; None if none is."""
        told = self.loop.flink.rest.checkpoints(job_id)["history"]
        return next((int(one["id"]) for one in told if one["status"] == "IN_PROGRESS"), None)

    def outcome(self, job_id: str, number: int) -> str:
        """What became of a checkpoint, in Flink's word."""
        told = self.loop.flink.rest.checkpoints(job_id)["history"]
        return next((str(one["status"]) for one in told if int(one["id"]) == number), "FORGOTTEN")

    def restarts(self, job_id: str) -> int:
        """How often Flink started the job anew."""
        told: list[dict[str, str]] = []

        def is_told() -> bool:
            told[:] = self.loop.flink.rest.get(f"/jobs/{job_id}/metrics?get=numRestarts")
            return bool(told)

        # Flink fetches metrics once somebody asks.
        process.await_condition(is_told, 60, "the number of restarts", every_s=0.5)
        return int(told[0]["value"])

    def mend(self) -> None:
        """Whatever a test hurt works again, and nothing runs."""
        loop, flink = self.loop, self.loop.flink
        self.link.open()
        for service in loop.cloud.services:
            if service.state == "paused":
                service.resume()
            elif service.state != "up":
                loop.restart(service.name)
        if flink.job_manager.state != "up":
            flink.restart_job_manager()
        if flink.task_managers[0].state != "up":
            flink.start_task_manager(0)
        for job in flink.rest.jobs():
            if not job.is_final:
                flink.rest.cancel(job.id)

    def _storage(self, method: str, path: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {access_token(60)}", "x-ms-version": "2023-11-03"}
        return self._ask(self.loop.cloud.url(self.loop.cloud.blob), method, f"/{ACCOUNT}/{path}", headers)

    def _ask(
        self, url: str, method: str, path: str, headers: Mapping[str, str] = _NOTHING
    ) -> tuple[int, str]:
        context = ssl.create_default_context(cafile=str(self.loop.cloud.folder / "tls" / "ca.pem"))
        port = urlsplit(url).port
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, headers=dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@contextmanager
def stored_loop(
    *,
    token_lifetime_s: int = _HOUR_S,
    rotate_every_s: float = 10,
    options: Mapping[str, str] = _NOTHING,
    environment: Mapping[str, str] = _NOTHING,
) -> Iterator[StoredLoop]:
    """Starts one.

    Args:
        token_lifetime_s: Of access tokens.
        rotate_every_s: Time between two federated tokens; 0: only when asked.
        options: Additions to Flink's own.
        environment: Additions to that of Flink's processes.
    """
    spec = LoopSpec(
        name=f"stored-{os.getpid()}-{uuid.uuid4().hex[:6]}",
        primaries=1,
        streams={},
        cloud=CloudSpec(rotate_every_s=rotate_every_s, log_requests=True),
    )
    with Loop.up(spec) as loop:
        (port,) = claim_ports(1, loop.folder)
        with FaultyLink(port, urlsplit(loop.cloud.url(loop.cloud.blob)).port or 0) as link:
            stored = StoredLoop(loop, link)
            stored.tokens(f"lifetime_s={token_lifetime_s}")
            own = {
                f"fs.azure.blob.endpoint.{ACCOUNT}": f"https://{link.bootstrap}/{ACCOUNT}",
                # How old an answer of the API may be.
                "web.refresh-interval": "200 ms",
            }
            loop.add_flink(
                FlinkSpec(
                    task_managers=1,
                    short_lived=True,
                    options={**own, **options},
                    environment=dict(environment),
                )
            )
            yield stored
