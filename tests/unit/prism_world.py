"""Plays the steps of tests/unit/vectors/prism.json with the Python producer, on simulated time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from anabranch.connectors import Delivery, PrismProducer, RecordId
from anabranch.connectors.prism.fleet import StreamView
from anabranch.connectors.prism.simulated import SimulatedPrimaries, SimulatedPrimary, SimulatedTransport
from anabranch.connectors.prism.transport import Failure, FailureKind
from anabranch.errors import DeliveryError, UnavailableError
from anabranch.topology import Topology

_TICK_S = 0.02
_FAILURES = {
    "unknown": Failure(FailureKind.UNKNOWN, "no answer from the leader", vague=True),
    "not-written": Failure(FailureKind.NOT_WRITTEN, "not allowed"),
}


def topology(states: Mapping[str, str], copies: int, places: Mapping[str, str] | None = None) -> Topology:
    hosts = {name: (places or {}).get(name, name).replace("/", "-") for name in states}
    primaries = {
        name: {"bootstrap": [f"{hosts[name]}:9092"], "state": state} for name, state in states.items()
    }
    stream = {"partitions": 1, "copies": copies}
    group = {"primaries": primaries, "streams": {"s": stream}}
    return Topology.model_validate({"generation": 1, "groups": {"g": group}})


class World:
    """One producer over simulated primaries; time passes only where a step says so."""

    def __init__(self, case: Mapping[str, Any], defaults: Mapping[str, Any]) -> None:
        names: Sequence[str] = case.get("primaries", defaults["primaries"])
        self._states = dict.fromkeys(names, "active")
        self._places: dict[str, str] = {}
        self._copies: int = case.get("copies", defaults["copies"])
        self._now = 1000.0
        self._warmed = 0
        self._sent: list[tuple[RecordId, Mapping[str, Any]]] = []
        self._deliveries: dict[int, Delivery] = {}
        self.primaries = SimulatedPrimaries()
        for name, cluster in case.get("clusters", {}).items():
            self.primaries[name].cluster = cluster
        options: dict[str, Any] = {**defaults["options"], **case.get("options", {})}
        self.producer = PrismProducer(
            topology(self._states, self._copies),
            "s",
            transports=self._transport,
            clock=lambda: self._now,
            **options,
        )
        # Its ticks are made by this clock only.
        self.producer._keeper.stop()

    def close(self) -> None:
        self.producer.close(timeout_s=0)

    def play(self, steps: Sequence[Mapping[str, Any]]) -> None:
        for number, step in enumerate(steps):
            verb = next(iter(step))
            act: Callable[[Mapping[str, Any]], None] = getattr(self, f"_do_{verb}")
            try:
                act(step)
            except AssertionError as error:
                raise AssertionError(f"step {number} {step}: {error}") from error

    def _settle(self) -> None:
        # A failure is known at the first look, and what it moves is answered by the next.
        for _ in range(4):
            self.producer.poll()

    def _do_pass_s(self, step: Mapping[str, Any]) -> None:
        for _ in range(round(step["pass_s"] / _TICK_S)):
            self._now += _TICK_S
            self._settle()

    def _do_repeat(self, step: Mapping[str, Any]) -> None:
        for _ in range(step["repeat"]):
            self.play(step["steps"])

    def _do_warm(self, step: Mapping[str, Any]) -> None:
        for _ in range(step["warm"]):
            self.producer.send(b"warm", id=RecordId.supplied("warm", self._warmed), on_done=_must_be_done)
            self._warmed += 1
            self._settle()

    def _do_send(self, step: Mapping[str, Any]) -> None:
        asked = step["send"]
        for record in [{}] * asked if isinstance(asked, int) else [asked]:
            assert not self._full(), "a send would wait"
            number = len(self._sent)
            record_id = RecordId.supplied("case", number)
            self._sent.append((record_id, record))
            key = record.get("key")
            self.producer.send(
                b"x" * record.get("size", 10),
                key=key.encode() if key is not None else None,
                id=record_id,
                timestamp_ms=record.get("timestamp_ms", 1),
                headers=[(name, value.encode()) for name, value in record.get("headers", [])],
                on_done=partial(self._note, number),
            )
            self._settle()

    def _note(self, number: int, delivery: Delivery) -> None:
        assert number not in self._deliveries, f"{number} was told twice"
        self._deliveries[number] = delivery

    def _do_pause(self, step: Mapping[str, Any]) -> None:
        self.primaries[step["pause"]].pause(writing=step.get("writing", True))

    def _do_answer(self, step: Mapping[str, Any]) -> None:
        self.primaries[step["answer"]].answer(step["count"], skip=step.get("skip", 0))

    def _do_stop(self, step: Mapping[str, Any]) -> None:
        self.primaries[step["stop"]].stop()

    def _do_go_on(self, step: Mapping[str, Any]) -> None:
        self.primaries[step["go_on"]].go_on()

    def _do_fail(self, step: Mapping[str, Any]) -> None:
        self.primaries[step["fail"]].error = _FAILURES[step["with"]]

    def _do_mend(self, step: Mapping[str, Any]) -> None:
        self.primaries[step["mend"]].error = None

    def _do_break(self, step: Mapping[str, Any]) -> None:
        [transport] = [each for name, each in self.primaries.transports if name == step["break"]]
        transport.fatal = True

    def _do_limit(self, step: Mapping[str, Any]) -> None:
        primary: SimulatedPrimary = self.primaries[step["limit"]]
        primary.max_bytes = step.get("bytes", SimulatedPrimary().max_bytes)
        primary.client_max_bytes = step.get("client_bytes", SimulatedPrimary().client_max_bytes)
        primary.client_full = step.get("client_full", False)

    def _transport(self, name: str, client: dict[str, str], topic: str) -> SimulatedTransport:
        return self.primaries(self._places.get(name, name).split("/")[0], client, topic)

    def _do_topology(self, step: Mapping[str, Any]) -> None:
        wanted = dict(step["topology"])
        self._copies = wanted.pop("copies", self._copies)
        self._places |= step.get("at", {})
        self.producer._fleet.follow(StreamView.of(topology(wanted, self._copies, self._places), "s"))
        self._settle()

    def _do_hold(self, step: Mapping[str, Any]) -> None:
        reason = step["hold"]
        stale = UnavailableError(reason) if reason is not None else None
        self.producer._guide.staleness = lambda: stale  # type: ignore[method-assign]

    def _do_expect(self, step: Mapping[str, Any]) -> None:
        for what, wanted in step["expect"].items():
            check: Callable[[Any], None] = getattr(self, f"_see_{what}")
            try:
                check(wanted)
            except AssertionError as error:
                raise AssertionError(f"{what}: {error}") from error

    def _see_holds(self, wanted: Mapping[str, int | list[int]]) -> None:
        _compare({name: self._log(name) for name in wanted}, wanted)

    def _see_each_on(self, wanted: int) -> None:
        names = {name for name, _ in self.primaries.transports}
        where = Counter(number for name in names for number in set(self._log(name)))
        assert dict(where) == dict.fromkeys(range(len(self._sent)), wanted)

    def _see_done(self, wanted: int | list[int]) -> None:
        _compare({"": [n for n, d in self._deliveries.items() if d.error is None]}, {"": wanted})

    def _see_failed(self, wanted: int | list[int]) -> None:
        _compare({"": [n for n, d in self._deliveries.items() if d.error is not None]}, {"": wanted})

    def _see_degraded(self, wanted: int | list[int]) -> None:
        degraded = [n for n, d in self._deliveries.items() if d.degraded]
        _compare({"": degraded}, {"": wanted})
        _equal(self.producer.stats().degraded, len(degraded))

    def _see_ambiguous(self, wanted: int | list[int]) -> None:
        _compare({"": [n for n, d in self._deliveries.items() if d.ambiguous]}, {"": wanted})

    def _see_in_flight(self, wanted: int) -> None:
        _equal(self.producer.stats().in_flight, wanted)

    def _see_owes(self, wanted: Mapping[str, int]) -> None:
        _equal({name: self.producer.stats().primaries[name].in_flight for name in wanted}, wanted)

    def _see_states(self, wanted: Mapping[str, str]) -> None:
        _equal({name: self.producer.stats().primaries[name].state for name in wanted}, wanted)

    def _see_hedged(self, wanted: Mapping[str, int]) -> None:
        _equal({name: self.producer.stats().primaries[name].hedged for name in wanted}, wanted)

    def _see_full(self, wanted: bool) -> None:
        _equal(self._full(), wanted)

    def _see_acked_by(self, wanted: Mapping[str, list[str]]) -> None:
        _equal({n: [ack.primary for ack in self._deliveries[int(n)].acks] for n in wanted}, wanted)

    def _see_attempts(self, wanted: Mapping[str, int]) -> None:
        _equal({n: self._deliveries[int(n)].attempts for n in wanted}, wanted)

    def _see_error(self, wanted: Mapping[str, Any]) -> None:
        error = self._deliveries[wanted["id"]].error
        assert isinstance(error, DeliveryError)
        for text in wanted["says"]:
            assert text in str(error), str(error)
        _equal(not error.retryable, wanted["refused"])

    def _see_rebuilt(self, wanted: Mapping[str, int]) -> None:
        made = Counter(name for name, _ in self.primaries.transports)
        _equal({name: made[name] - 1 for name in wanted}, wanted)

    def _see_troubles(self, wanted: Mapping[str, str]) -> None:
        for name, text in wanted.items():
            reason = self.producer.stats().primaries[name].reason
            assert text in reason, reason

    def _see_closed(self, wanted: list[str]) -> None:
        _equal([name for name, transport in self.primaries.transports if transport.closed], wanted)

    def _see_alike(self, wanted: list[int]) -> None:
        for number in wanted:
            record_id, sent = self._sent[number]
            copies = [each for name in "ab" for each in self.primaries[name].log if each.id == record_id]
            assert len(copies) > 1, "there is only one copy"
            for copy in copies:
                _equal(copy.value, b"x" * sent["size"])
                _equal(copy.key, sent["key"].encode())
                _equal(copy.timestamp_ms, sent["timestamp_ms"])
                own = [(name, value.encode()) for name, value in sent["headers"]]
                _equal([header for header in copy.headers if header[1] != record_id], own)

    def _log(self, name: str) -> list[int]:
        numbers = {record_id: number for number, (record_id, _) in enumerate(self._sent)}
        return sorted(numbers[each.id] for each in self.primaries[name].log if each.id in numbers)

    def _full(self) -> bool:
        tracker = self.producer._tracker
        return tracker.blocked or tracker.room <= 0 or tracker.room_bytes <= 0


def _compare(seen: Mapping[str, list[int]], wanted: Mapping[str, int | list[int]]) -> None:
    for name, ids in wanted.items():
        _equal(len(seen[name]) if isinstance(ids, int) else sorted(seen[name]), ids)


def _equal(seen: object, wanted: object) -> None:
    assert seen == wanted, f"{seen} is not {wanted}"


def _must_be_done(delivery: Delivery) -> None:
    assert delivery.error is None
