"""Reading the document: what is taken, what is refused, and that errors point at the line."""

import pytest

from anabranch.errors import TopologyError
from anabranch.topology import dump_topology, parse_topology

GOOD = """\
generation: 7
groups:
  training:
    primaries:
      a: {bootstrap: ["127.0.0.1:9092"]}
      b:
        bootstrap: ["127.0.0.1:9094"]
        state: draining
        auth: {type: scram, username: alice, password: "env:KAFKA_PASSWORD"}
    streams:
      training-logs: {partitions: 8, copies: 2, retention_s: 604800}
"""


def test_reads_defaults_and_writes_the_same_again() -> None:
    topology = parse_topology(GOOD)
    group = topology.group_of("training-logs")
    assert group.primaries["a"].state == "active"
    assert group.primaries["b"].auth.type == "scram"
    assert group.streams["training-logs"].topic == "training-logs"
    assert parse_topology(dump_topology(topology)) == topology


def test_unknown_state_points_at_its_line_and_suggests() -> None:
    with pytest.raises(TopologyError) as caught:
        parse_topology(GOOD.replace("draining", "drainning"), "topology.yaml")
    assert caught.value.where == "topology.yaml:8"
    assert "did you mean 'draining'?" in str(caught.value)
