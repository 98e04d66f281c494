"""`anabranch produce` over primaries in memory."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from anabranch.cli import produce
from anabranch.connectors import record_headers
from anabranch.connectors.prism import producer as producer_module
from anabranch.connectors.prism.simulated import SimulatedPrimaries
from anabranch.connectors.prism.transport import Failure, FailureKind, Trouble
from anabranch.errors import ConfigurationError, DeliveryError

DOCUMENT = """
generation: 1
groups:
  g:
    primaries:
      a: {bootstrap: ["a:9092"]}
      b: {bootstrap: ["b:9092"]}
    streams:
      s: {partitions: 1}
"""

Run = Callable[..., Result]


@pytest.fixture
def primaries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimulatedPrimaries:
    made = SimulatedPrimaries()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(producer_module, "ConfluentTransportFactory", lambda *_, **__: made)
    return made


TWO_COPIES = DOCUMENT.replace("partitions: 1", "partitions: 1, copies: 2")


@pytest.fixture
def run(tmp_path: Path, primaries: SimulatedPrimaries) -> Run:
    path = tmp_path / "topology.yaml"

    def called(*options: str, stdin: str, document: str = DOCUMENT) -> Result:
        path.write_text(document)
        return CliRunner().invoke(produce.command, ["s", "--topology", str(path), *options], input=stdin)

    return called


def test_of_an_upsert_key_the_last_line_has_the_highest_version(
    run: Run, primaries: SimulatedPrimaries
) -> None:
    lines = "".join(f'{{"run":"k1","n":{number}}}\n' for number in range(6))
    result = run("--key", "run", "--upsert", stdin=lines)
    assert result.exception is None, result.output
    written = [*primaries["a"].log, *primaries["b"].log]
    written.sort(key=lambda each: dict(each.headers)[record_headers.VERSION] or b"")
    assert "".join(f"{(each.value or b'').decode()}\n" for each in written) == lines
    assert {each.key for each in written} == {b'{"run":"k1"}'}
    assert primaries["a"].log
    assert primaries["b"].log


def test_without_upsert_there_is_no_version(run: Run, primaries: SimulatedPrimaries) -> None:
    assert run("--key", "run", stdin='{"run":"k1"}\n').exception is None
    [written] = [*primaries["a"].log, *primaries["b"].log]
    assert written.key == b"k1"
    assert record_headers.VERSION not in dict(written.headers)


REFUSED = Failure(FailureKind.NOT_WRITTEN, "Broker: Topic authorization failed")


def test_where_all_refuse_the_log_in_it_ends_soon_and_says_what_to_check(
    run: Run, primaries: SimulatedPrimaries, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(produce, "_REFUSED_S", 1.0)
    primaries["a"].error = primaries["b"].error = REFUSED
    began = time.monotonic()
    result = run(stdin="1\n2\n")
    assert time.monotonic() - began < 10
    assert isinstance(result.exception, DeliveryError)
    assert "a: Broker: Topic authorization failed\n    b: " in str(result.exception)
    assert "'auth'" in str(result.exception.hint)
    assert "line 1" not in result.stderr
    assert "authorization" not in result.stderr
    assert caplog.text.count("primary a takes no records: Broker: Topic authorization failed") == 1


def test_where_one_may_come_back_it_waits_for_max_block(run: Run, primaries: SimulatedPrimaries) -> None:
    primaries["a"].error = REFUSED
    primaries["b"].stop()
    result = run("--max-block", "2", stdin="1\n")
    assert isinstance(result.exception, DeliveryError)
    assert "the first line was not acknowledged within --max-block" in str(result.exception)
    assert "'auth'" in str(result.exception.hint)
    progress = [line for line in result.stderr.splitlines() if " acknowledged in " in line]
    assert progress
    assert not any("connection refused" in line for line in progress), "told once, not every second"


def test_where_all_are_down_the_flag_is_named(run: Run, primaries: SimulatedPrimaries) -> None:
    primaries["a"].stop()
    primaries["b"].stop()
    began = time.monotonic()
    result = run("--max-block", "1", stdin="1\n2\n3\n")
    assert isinstance(result.exception, DeliveryError)
    assert "--max-block" in str(result.exception)
    assert "connection refused" in str(result.exception)
    assert "line " not in result.stderr, "the error says it all, once"
    assert time.monotonic() - began < 10, "one wait, not one for each line"


def test_lines_that_do_with_fewer_copies_are_counted(run: Run, primaries: SimulatedPrimaries) -> None:
    primaries["b"].stop()
    result = run("--degrade-after", "0.5", "--json", stdin="1\n2\n", document=TWO_COPIES)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["degraded"] == 2
    result = run("--degrade-after", "0.5", stdin="3\n", document=TWO_COPIES)
    [*_, total] = result.stderr.splitlines()
    assert total.startswith("1 of 1 acknowledged in ")
    assert total.endswith("), 1 with too few copies")
    assert len(primaries["a"].log) == 3


def test_where_there_is_one_copy_it_says_that_the_option_does_nothing(
    run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    result = run("--degrade-after", "5", stdin="1\n")
    assert result.exception is None, "the copies may have been lowered in the outage that the option is for"
    assert "--degrade-after) does nothing while the topology wants one copy" in caplog.text


def test_where_too_few_live_for_the_copies_it_says_how_many(run: Run, primaries: SimulatedPrimaries) -> None:
    primaries["b"].stop()
    result = run("--max-block", "5", stdin="1\n2\n", document=TWO_COPIES)
    assert isinstance(result.exception, DeliveryError)
    told = str(result.exception)
    assert "the first line was written to a only within --max-block, and none after it" in told
    assert "2 copies are wanted, and only 1 of 2 primaries takes records; a: in use; b: " in told
    assert "no answer" not in told, "a has answered"
    assert "'copies'" in str(result.exception.hint)
    progress = [line for line in result.stderr.splitlines() if " acknowledged in " in line]
    assert len(progress) <= 3, "at first, when a has it and at the end, not every second"


def test_a_trouble_of_the_primaries_is_told_once_and_counted(
    run: Run, primaries: SimulatedPrimaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def split(line: bytes, number: int) -> tuple[None, bytes]:
        if number == 2:
            primaries["b"].stop()
        return None, line

    monkeypatch.setattr(produce, "splitter", lambda *_, **__: split)
    # The second waits for b before the third comes, and would hold that up until it is given up.
    result = run("--max-block", "2", stdin="1\n2\n3\n4\n", document=TWO_COPIES)
    assert isinstance(result.exception, DeliveryError)
    assert "3 of 4 lines were written to a only" in str(result.exception)
    assert "'copies'" in str(result.exception.hint)
    assert result.stderr.count("copies are wanted") == 1
    assert "3 lines: only 1 of 2 copies written, to a, within 2 s\n" in result.stderr


def test_lines_that_have_some_copies_are_told_from_those_that_have_none(
    run: Run, primaries: SimulatedPrimaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    def split(line: bytes, number: int) -> tuple[None, bytes]:
        if number == 2:
            primaries["b"].stop()
        if number == 3:
            raise ConfigurationError("no key")
        return None, line

    monkeypatch.setattr(produce, "splitter", lambda *_, **__: split)
    result = run("--max-block", "2", stdin="1\n2\n3\n", document=TWO_COPIES)
    assert "2 of 3 lines failed: 1 was not written, 1 was written to a only" in str(result.exception)


def test_a_log_in_that_was_refused_before_the_first_line_ends_it_soon_too(
    run: Run, primaries: SimulatedPrimaries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(produce, "_REFUSED_S", 1.0)
    primaries["a"].trouble = primaries["b"].trouble = Trouble("SASL authentication error", unreachable=True)

    def late(line: bytes, _: int) -> tuple[None, bytes]:
        time.sleep(0.5)
        return None, line

    monkeypatch.setattr(produce, "splitter", lambda *_, **__: late)
    began = time.monotonic()
    result = run(stdin="1\n")
    assert time.monotonic() - began < 10
    assert "'auth'" in str(result.exception)


@pytest.mark.parametrize("refuse_s", [60.0, 0.5])
def test_where_the_topic_is_missing_nothing_says_to_wait(
    run: Run, primaries: SimulatedPrimaries, monkeypatch: pytest.MonkeyPatch, refuse_s: float
) -> None:
    monkeypatch.setattr(produce, "_REFUSED_S", refuse_s)
    missing = Failure(FailureKind.NOT_WRITTEN, "Broker: Unknown topic or partition")
    primaries["a"].error = primaries["b"].error = missing
    result = run("--max-block", "2", stdin="1\n")
    assert isinstance(result.exception, DeliveryError)
    assert "create the topic" in str(result.exception.hint)
    assert "--max-block" not in result.stderr + str(result.exception.hint)


def test_lines_without_a_key_are_named_and_the_others_written(
    run: Run, primaries: SimulatedPrimaries
) -> None:
    lines = ['{"run":"k1"}', "nope", "[1]", '{"run":"k4"}']
    result = run("--key", "run", "--id-scope", "f", stdin="\n".join(lines))
    assert result.stderr.startswith(
        "line 2: this is not JSON\nline 3: there is no field 'run' in this line's JSON\n"
    )
    assert isinstance(result.exception, DeliveryError)
    assert "2 of 4 lines were not written" in str(result.exception)
    assert "--key" in str(result.exception.hint)
    written = [*primaries["a"].log, *primaries["b"].log]
    assert sorted(each.key or b"" for each in written) == [b"k1", b"k4"]


@pytest.mark.parametrize("option", ["--max-block", "--hedge-after", "--degrade-after"])
@pytest.mark.parametrize("value", ["-5", "0"])
def test_times_that_are_none_are_told_by_their_option(run: Run, option: str, value: str) -> None:
    result = run(option, value, stdin="1\n")
    assert result.exit_code == 2
    assert f"'{option}'" in result.stderr


def test_an_id_scope_that_names_nothing_is_refused(run: Run, primaries: SimulatedPrimaries) -> None:
    for scope in ("", " "):
        result = run("--id-scope", scope, stdin="1\n")
        assert result.exit_code == 2
        assert "--id-scope" in result.stderr
    assert not primaries["a"].log + primaries["b"].log


def test_of_a_lines_end_no_more_than_the_end_is_taken(run: Run, primaries: SimulatedPrimaries) -> None:
    assert run(stdin="a\r\r\nb\r\nc\n\nd").exception is None
    written = [each.value for each in (*primaries["a"].log, *primaries["b"].log)]
    assert sorted(value or b"" for value in written) == [b"", b"a\r", b"b", b"c", b"d"]


def test_one_line_is_one(run: Run) -> None:
    result = run("--key", "run", stdin="nope\n")
    assert "1 of 1 line was not written" in str(result.exception)


@pytest.fixture
def handlers() -> Iterator[None]:
    """Python's own of Ctrl-C, also where the tests run in a shell's background; SIGTERM does not end them."""
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: lambda *_: None}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_without_a_primary_ends_it_soon_and_says_what_was_not_acknowledged(
    run: Run, primaries: SimulatedPrimaries, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    monkeypatch.setattr(produce, "_LEAVE_S", 0.2)

    def split(line: bytes, line_number: int) -> tuple[None, bytes]:
        if line_number == 2:
            primaries["a"].stop()
            primaries["b"].stop()
        if line_number == 3:
            os.kill(os.getpid(), number)
        return None, line

    monkeypatch.setattr(produce, "splitter", lambda *_, **__: split)
    began = time.monotonic()
    result = run(stdin="1\n2\n3\n4\n")
    assert time.monotonic() - began < 10
    assert result.exit_code == 1
    assert "interrupted; waiting 0 s for the 1 line under way, Ctrl-C once more leaves\n" in result.stderr
    assert result.stderr.endswith(
        "of 3 lines that were read: 1 acknowledged, 1 not acknowledged, 1 not sent\n\nAborted!\n"
    )
    assert "line 2:" not in result.stderr
