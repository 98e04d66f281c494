"""The server.properties of a broker in a loop.

Java reads such a file as Latin-1 and takes a backslash for the begin of an escape, so that a path outside of
ASCII names another folder unless it is escaped.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.devkit.secure import Credentials

if TYPE_CHECKING:
    from anabranch.devkit.brokers import BrokerSpec

__all__ = ["server_properties"]

_SINGLE_NODE = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "auto.create.topics.enable": "false",
    # One replica is all there is; availability comes from the other primaries.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Internal topics with 50 partitions each would cost seconds at their first use.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    # After a SIGKILL the old registration must expire first: 5 s to restart instead of 13.
    "broker.session.timeout.ms": "2000",
    "broker.heartbeat.interval.ms": "500",
    # The default, 128 MB, would be a third of the heap.
    "log.cleaner.dedupe.buffer.size": "16777216",
    "num.network.threads": "2",
    "num.io.threads": "4",
}


def server_properties(spec: BrokerSpec, data: Path, credentials: Credentials | None) -> str:
    """The file's text; the listener for clients is called CLIENTS whatever its protocol."""
    protocol = credentials.protocol if credentials else "PLAINTEXT"
    properties = {
        **_SINGLE_NODE,
        "controller.quorum.voters": f"1@127.0.0.1:{spec.controller_port}",
        "listeners": f"CLIENTS://127.0.0.1:{spec.port},CONTROLLER://127.0.0.1:{spec.controller_port}",
        "advertised.listeners": f"CLIENTS://127.0.0.1:{spec.port}",
        "inter.broker.listener.name": "CLIENTS",
        # The controller answers on the loopback interface to its own broker only.
        "listener.security.protocol.map": f"CLIENTS:{protocol},CONTROLLER:PLAINTEXT",
        # A list with commas between, and no way to escape one; the broker's own folder is where it runs.
        "log.dirs": data.name,
        **(credentials.server_properties("CLIENTS") if credentials else {}),
        **spec.properties,
    }
    return "".join(f"{key}={_escaped(value)}\n" for key, value in properties.items())


def _escaped(value: str) -> str:
    """As java.util.Properties has it, whose escapes are those of JSON, also beyond 16 bits."""
    return json.dumps(value)[1:-1]
