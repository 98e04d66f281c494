"""The topology document: models, stores, guards and typed auth."""

from __future__ import annotations

from anabranch.topology.auth import (
    Auth,
    MtlsAuth,
    NoAuth,
    OAuthBearerAuth,
    PlainAuth,
    ScramAuth,
    WorkloadIdentityAuth,
)
from anabranch.topology.document import dump_topology, parse_topology
from anabranch.topology.identity import WorkloadIdentity
from anabranch.topology.kafka_tokens import await_token
from anabranch.topology.librdkafka import librdkafka_config
from anabranch.topology.load import Loaded, load_last_good, load_topology
from anabranch.topology.model import Group, Primary, StreamSpec, Topology, WantedState
from anabranch.topology.publish import Publication, publish, set_state
from anabranch.topology.store import TopologyStore, open_store
from anabranch.topology.watcher import TopologyWatcher

__all__ = [
    "Auth",
    "Group",
    "Loaded",
    "MtlsAuth",
    "NoAuth",
    "OAuthBearerAuth",
    "PlainAuth",
    "Primary",
    "Publication",
    "ScramAuth",
    "StreamSpec",
    "Topology",
    "TopologyStore",
    "TopologyWatcher",
    "WantedState",
    "WorkloadIdentity",
    "WorkloadIdentityAuth",
    "await_token",
    "dump_topology",
    "librdkafka_config",
    "load_last_good",
    "load_topology",
    "open_store",
    "parse_topology",
    "publish",
    "set_state",
]
