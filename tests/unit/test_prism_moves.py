"""What a client that is replaced still owed."""

from __future__ import annotations

from anabranch.connectors import Delivery, PrismProducer
from anabranch.connectors.prism.fleet import StreamView
from anabranch.connectors.prism.simulated import SimulatedPrimaries, SimulatedTransport
from anabranch.topology import Topology


class Mute(SimulatedTransport):
    """Does not tell what has become of that which was under way, as librdkafka may when it is closed."""

    def close(self) -> None:
        self.closed = True


def topology(a: str) -> Topology:
    primaries = {"a": {"bootstrap": [a]}, "b": {"bootstrap": ["b:9092"]}}
    group = {"primaries": primaries, "streams": {"s": {"partitions": 1, "copies": 2}}}
    return Topology.model_validate({"generation": 1, "groups": {"g": group}})


def test_what_a_closed_client_never_tells_is_sent_again() -> None:
    primaries = SimulatedPrimaries()

    def transports(name: str, client: dict[str, str], topic: str) -> SimulatedTransport:
        return Mute(primaries[name])

    told: list[Delivery] = []
    with PrismProducer(topology("a:9092"), "s", transports=transports) as producer:
        primaries["a"].pause(writing=False)
        producer.send(b"x", on_done=told.append)
        producer.poll()
        assert producer.stats().primaries["a"].in_flight == 1
        with producer._lock:
            producer._fleet.follow(StreamView.of(topology("elsewhere:9092"), "s"))
        primaries["a"].go_on()
        assert producer.flush(5) == 0
        assert [(each.error, each.ambiguous) for each in told] == [(None, True)]
        assert {ack.primary for ack in told[0].acks} == {"a", "b"}
        assert producer.stats().primaries["a"].in_flight == 0
