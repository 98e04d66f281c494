"""`anabranch savepoint` on a real cluster: the job goes on from it, each record counted once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from anabranch.devkit import process
from anabranch.pipelines.uris import local_path
from tests.integration.conftest import ANABRANCH
from tests.integration.counting import RECORDS

if TYPE_CHECKING:
    from pathlib import Path

    from anabranch.devkit.loop import Loop
    from tests.integration.conftest import RunJob
    from tests.integration.counting import Counting

pytestmark = [pytest.mark.brokers, pytest.mark.flink, pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize("form", ["canonical", "native"])
def test_a_job_goes_on_from_the_savepoint_that_stopped_it(
    counting: Counting, run_job: RunJob, flink_loop: Loop, form: str
) -> None:
    cluster = f"--cluster={flink_loop.flink.rest_address}:{flink_loop.flink.rest_port}"
    run = run_job(counting.folder, cluster)
    counting.write(0)
    process.await_condition(lambda: sum(counting.counted().values()) == RECORDS, 300, "the first half")
    argv: list[str | Path] = [ANABRANCH, "savepoint", counting.folder, cluster]
    done = process.run([*argv, "--stop", "--format", form, "--json"], timeout_s=200)
    assert done.code == 0, done.output
    told = json.loads(done.output.splitlines()[-1])
    place = local_path(told["savepoint"])
    assert place is not None
    assert place.parent == local_path(flink_loop.flink.savepoints)
    run.await_end(100)

    counting.forget_what_was_read()
    counting.write(RECORDS)
    again = run_job(counting.folder, cluster, f"--restore={told['savepoint']}")
    process.await_condition(lambda: sum(counting.counted().values()) >= 2 * RECORDS, 300, "the second half")
    assert counting.counted() == {f"r{place}": 2 * RECORDS // 3 for place in range(3)}
    again.interrupt()
    assert again.await_end(200) == 130, again.text
