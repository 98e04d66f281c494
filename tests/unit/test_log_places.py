"""What tells logs apart, and where they go on: no broker, no thread but those of the tests."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaException, Uuid

from anabranch.connectors import log_identity, log_places
from anabranch.connectors.log_identity import LogIdentity
from anabranch.connectors.log_places import LogId, Place, Places, change
from anabranch.devkit.process import await_condition
from anabranch.errors import UnavailableError

OLD, NEW = LogId("k1", "t", "one"), LogId("k1", "t", "two")
WIPED = LogId("k2", "t", "three")


@pytest.mark.parametrize(
    ("log", "same"),
    [
        (OLD, True),
        (OLD._replace(topic_id=""), True),  # its brokers are being updated
        (NEW, False),
        (WIPED, False),
        (LogId("k2", "t", ""), False),
    ],
)
def test_what_is_the_same_log(log: LogId, same: bool) -> None:
    assert OLD.same(log) is log.same(OLD) is same


def test_a_topic_that_was_created_again_is_seen_once_and_the_former_one_is_a_broker_that_lags() -> None:
    places = Places()
    assert [places.see(each) for each in (OLD, OLD, NEW, NEW)] == [None, None, OLD, None]
    with pytest.raises(UnavailableError, match="a broker still shows the former topic 't'"):
        places.see(OLD)
    assert places.see(WIPED) is None
    assert places.see(NEW) is None, "the cluster came back"


def test_without_topic_ids_nothing_was_created_again() -> None:
    places = Places()
    bare = OLD._replace(topic_id="")
    assert not any(places.see(each) for each in (bare, OLD, bare, OLD))
    place = Place()
    places.hand_in("a", bare, place)
    assert places.take(places, "a", OLD) is place


def test_a_place_is_kept_by_the_log_and_by_the_name_where_two_names_have_one() -> None:
    places, mine, other = Places(), Place({0: 5}), Place({0: 7})
    places.hand_in("a", OLD, mine)
    places.hand_in("b", OLD, other)
    assert places.last("a") == OLD
    assert places.take(places, "b", NEW) is None
    assert places.take(places, "b", OLD) is other
    assert places.take(places, "c", OLD) is mine
    assert places.take(places, "a", OLD) is None


def test_nobody_takes_a_log_up_before_who_is_to_leave_has_left() -> None:
    places, leaver, taken = Places(), object(), list[Place | None]()
    places.join(leaver)
    places.leave(leaver)
    thread = threading.Thread(target=lambda: taken.append(places.take(object(), "b", OLD)))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    place = Place({0: 5})
    places.hand_in("a", OLD, place)
    places.left(leaver, for_good=True)
    thread.join(10)
    assert taken == [place]
    places.leave(leaver)
    assert places.take(object(), "b", OLD) is None, "one that has ended is not waited for"


def test_who_is_to_leave_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_places, "_LEAVE_LIMIT_S", 30)
    places, one, two = Places(), object(), object()
    for each in (one, two):
        places.join(each)
        places.leave(each)
    taken: list[Place | None] = []
    threading.Thread(target=lambda: taken.append(places.take(one, "a", OLD))).start()
    await_condition(lambda: bool(taken), 10, "the one that is to leave, too")


GONE = "what was not read of the former one, if anything, is gone"


@pytest.mark.parametrize(
    ("log", "known", "moved", "told"),
    [
        (NEW, False, False, f"topic 't' was created again, and is read from its start; {GONE}"),
        (
            WIPED,
            False,
            False,
            f"it is another Kafka cluster now (k2, was k1), and read from where this reader starts; {GONE}",
        ),
        (WIPED, False, True, "what was not read of the former one, if anything, is not read"),
        (WIPED, True, False, "it is Kafka cluster k2 again, which is read on from where it was left"),
        (WIPED, True, True, None),
        (
            LogId("k1", "u", "x"),
            False,
            True,
            "topic 'u' is read now; unread records of topic 't' are not read",
        ),
    ],
)
def test_what_is_told(log: LogId, known: bool, moved: bool, told: str | None) -> None:
    text = change(OLD, log, known=known, moved=moved)
    assert text == told or (text is not None and told is not None and text.endswith(told))


class Answered:
    """A future of a client that answers at once, or never."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def result(self, timeout: float) -> object:
        if self.answer is None:
            raise TimeoutError
        return self.answer


class Admin:
    """As the client's, for one topic."""

    config: dict[str, Any]
    topic: object = None

    def __init__(self, config: dict[str, Any]) -> None:
        Admin.config = config

    def poll(self, timeout: float) -> None: ...

    def describe_cluster(self, **_: float) -> Answered:
        return Answered(SimpleNamespace(cluster_id="k"))

    def describe_topics(self, topics: object, **_: float) -> dict[str, Answered]:
        return {"t": Answered(self.topic)}


def test_brokers_without_topic_ids_are_known_by_their_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_identity, "AdminClient", Admin)
    identity = LogIdentity({"bootstrap.servers": "b", "on_commit": print, "oauth_cb": print})
    assert Admin.config.keys() == {"bootstrap.servers", "oauth_cb", "logger"}
    monkeypatch.setattr(Admin, "topic", SimpleNamespace(topic_id=Uuid(0, 0)))
    assert identity.ask("t", 1, lambda: False) == LogId("k", "t", "")
    monkeypatch.setattr(Admin, "topic", SimpleNamespace(topic_id=Uuid(0, 1)))
    assert identity.ask("t", 1, lambda: False) == LogId("k", "t", str(Uuid(0, 1)))


def test_a_question_ends_when_nobody_wants_to_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_identity, "AdminClient", Admin)
    began = time.monotonic()
    with pytest.raises(KafkaException, match="Timed out"):
        LogIdentity({}).ask("t", 600, lambda: True)
    assert time.monotonic() - began < 10
