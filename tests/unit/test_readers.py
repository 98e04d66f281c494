"""What the union reader says of primaries that it has not reached, and where it begins."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from anabranch.connectors import primary_reader
from anabranch.connectors import readers as readers_module
from anabranch.connectors.log_places import Place
from anabranch.connectors.primary_reader import PrimaryReader
from anabranch.connectors.readers import UnionReader
from anabranch.devkit.process import await_condition
from anabranch.errors import ConfigurationError, UnavailableError
from anabranch.topology import Primary, Topology


class Unreached:
    """Stands in for the thread that reads one primary."""

    def __init__(self, name: str, *_: object, **__: object) -> None:
        self.problem = "connection refused" if name == "b" else None
        self.reached = False

    def stop(self) -> None: ...

    def join(self, timeout_s: float) -> bool:
        return True


def test_each_primary_is_named_though_it_has_not_answered_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers_module, "PrimaryReader", Unreached)
    primaries = {name: {"bootstrap": [f"{name}:9092"]} for name in "ab"}
    group = {"primaries": primaries, "streams": {"s": {"partitions": 1}}}
    topology = Topology.model_validate({"generation": 1, "groups": {"g": group}})
    with UnionReader(topology, "s") as reader, pytest.raises(UnavailableError) as caught:
        reader.check_reached()
    assert "    a: no answer yet within 0 s\n    b: connection refused\n" in str(caught.value)


def test_a_later_document_without_the_stream_changes_nothing_and_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(readers_module, "PrimaryReader", Unreached)
    primaries = {name: {"bootstrap": [f"{name}:9092"]} for name in "ab"}
    streams = {name: {"partitions": 1} for name in ("s", "other")}
    document = {"generation": 1, "groups": {"g": {"primaries": primaries, "streams": streams}}}
    with UnionReader(Topology.model_validate(document), "s") as reader:
        del streams["s"]
        later = Topology.model_validate(document | {"generation": 2})
        monkeypatch.setattr(reader._guide, "news", lambda: later)
        assert reader.poll(0) == []
        assert set(reader.problems()) == {"b"}
    assert "reader of s stays with the topology it has" in caplog.text


class Refused:
    """A consumer whose password is wrong."""

    passwords: ClassVar[list[str]] = []

    def __init__(self, config: dict[str, Any]) -> None:
        self.passwords.append(config["sasl.password"])

    def list_topics(self, *_: object, **__: object) -> None:
        raise KafkaException(KafkaError(KafkaError._AUTHENTICATION))

    def consume(self, *_: object) -> list[Any]:
        return []

    def close(self) -> None: ...


def test_secrets_are_read_anew_for_a_primary_that_refused_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(primary_reader, "Consumer", Refused)
    monkeypatch.setattr(primary_reader, "_RETRY_S", 0.01)
    monkeypatch.setattr(Refused, "passwords", [])
    password = tmp_path / "password"
    auth = {"type": "plain", "username": "u", "password": f"file:{password}"}
    group = {"primaries": {"a": {"bootstrap": ["a:9092"], "auth": auth}}, "streams": {"s": {"partitions": 1}}}
    topology = Topology.model_validate({"generation": 1, "groups": {"g": group}})
    with pytest.raises(ConfigurationError, match="does not exist"):
        UnionReader(topology, "s")
    password.write_text("old")
    with UnionReader(topology, "s") as reader:
        await_condition(lambda: Refused.passwords.count("old") > 1, 30, "a second try")
        password.unlink()
        await_condition(lambda: "does not exist" in reader.problems().get("a", ""), 30, "its trouble")
        password.write_text("new")
        await_condition(lambda: "new" in Refused.passwords, 30, "the new one")
    assert Refused.passwords == sorted(Refused.passwords, reverse=True)


class Silenced:
    """A consumer whose primary lacks the topic, and is silent from then on."""

    asked = 0

    def __init__(self, config: dict[str, Any]) -> None: ...

    def list_topics(self, topic: str, timeout: float) -> object:
        Silenced.asked += 1
        if Silenced.asked > 1:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        return SimpleNamespace(topics={topic: SimpleNamespace(error=KafkaError(KafkaError._UNKNOWN_TOPIC))})

    def consume(self, *_: object) -> list[Any]:
        return []

    def close(self) -> None: ...


class Silent:
    """A consumer without an answer: its look-ups last as long as they may, and end with the given codes."""

    def __init__(
        self, _: object = None, codes: Iterable[int] = itertools.repeat(KafkaError._TRANSPORT)
    ) -> None:
        self.codes = iter(codes)
        self.limits: list[float] = []

    def list_topics(self, *_: object, timeout: float) -> None:
        self.limits.append(timeout)
        for code in self.codes:
            time.sleep(timeout)
            raise KafkaException(KafkaError(code))

    def consume(self, *_: object) -> list[Any]:
        return []

    def close(self) -> None: ...


@pytest.fixture
def silenced(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], PrimaryReader]:
    monkeypatch.setattr(primary_reader, "Consumer", Silenced)
    monkeypatch.setattr(primary_reader, "_RETRY_S", 0.01)
    monkeypatch.setattr(Silenced, "asked", 0)

    def read(deadline_s: float) -> PrimaryReader:
        primary = Primary.model_validate({"bootstrap": ["a:9092"]})
        return PrimaryReader(
            "a", "t", primary, {}, queue.Queue(), since_ms=None, until_end=True, deadline_s=deadline_s
        )

    return read


def test_what_was_wrong_before_a_primary_fell_silent_is_not_told_for_ever(
    silenced: Callable[[float], PrimaryReader],
) -> None:
    reader = silenced(600)
    await_condition(lambda: reader.problem == "no answer", 30, "silence to be told")
    reader.stop()
    assert reader.join(30)


def test_what_is_wrong_is_told_though_the_deadline_leaves_the_last_try_no_time(
    silenced: Callable[[float], PrimaryReader],
) -> None:
    reader = silenced(1.5)
    assert reader.join(30)
    assert Silenced.asked > 2
    assert reader.problem == "topic 't' does not exist"


def test_that_brokers_are_down_says_no_more_than_silence(silenced: Callable[[float], PrimaryReader]) -> None:
    reader = silenced(0)
    assert reader.join(30)
    for known, error, wanted in (
        (None, KafkaError._ALL_BROKERS_DOWN, "no answer"),
        ("topic 't' does not exist", KafkaError._ALL_BROKERS_DOWN, "topic 't' does not exist"),
        ("no answer", KafkaError._RESOLVE, KafkaError(KafkaError._RESOLVE).str()),
        (None, KafkaError._ALL_BROKERS_DOWN, KafkaError(KafkaError._RESOLVE).str()),
    ):
        reader._trouble.note(known)
        reader._on_error(KafkaError(error))
        assert reader.problem == wanted


def test_a_reader_ends_soon_though_a_primary_is_dead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(primary_reader, "Consumer", Silent)
    group = {"primaries": {"a": {"bootstrap": ["a:9092"]}}, "streams": {"s": {"partitions": 1}}}
    reader = UnionReader(Topology.model_validate({"generation": 1, "groups": {"g": group}}), "s")
    time.sleep(0.1)
    began = time.monotonic()
    reader.close()
    assert time.monotonic() - began < 1, "whoever has enough records would wait for it"


def test_a_slow_answer_is_waited_for_in_one_call() -> None:
    reader = PrimaryReader.__new__(PrimaryReader)
    reader._topic, reader._stop, reader._moved = "t", threading.Event(), threading.Event()
    slow = Silent(codes=[KafkaError._TRANSPORT, KafkaError._TIMED_OUT])
    reader._ask(cast("Consumer", slow), 3.0)
    assert len(slow.limits) == 3
    assert 2 < slow.limits[-1] < 3, "the rest of the time, now that there is a connection"


class Asked:
    """A consumer of three partitions whose second look-up fails, once, in the way that is asked for."""

    def __init__(self, fails: str) -> None:
        self.fails = fails
        self.looked_up: list[int] = []

    def get_watermark_offsets(self, place: TopicPartition, timeout: float) -> tuple[int, int] | None:
        if self.fails == "silence" and place.partition == 1:
            self.fails = ""
            return None
        return 0, 1000

    def offsets_for_times(self, places: list[TopicPartition], timeout: float) -> list[Any]:
        if self.fails == "exception" and places[0].partition == 1:
            self.fails = ""
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        error = None
        if self.fails == "error" and places[0].partition == 1:
            self.fails = ""
            error = KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION)
        self.looked_up.append(places[0].partition)
        return [SimpleNamespace(offset=-1, error=error)]


@pytest.mark.parametrize("fails", ["silence", "exception", "error"])
def test_a_start_that_was_looked_up_in_part_is_looked_up_for_the_rest_too(fails: str) -> None:
    reader = PrimaryReader.__new__(PrimaryReader)
    reader._topic, reader._since_ms, place = "t", 7, Place()
    consumer = cast("Consumer", Asked(fails))
    with pytest.raises((KafkaException, UnavailableError)):
        reader._starts(consumer, place, {0, 1, 2}, {0, 1, 2})
    starts = reader._starts(consumer, place, {0, 1, 2}, {0, 1, 2})
    assert [(start.partition, start.offset) for start in starts] == [(0, 1000), (1, 1000), (2, 1000)]
