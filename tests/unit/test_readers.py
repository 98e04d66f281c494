"""What the union reader says of primaries that it has not reached."""

from __future__ import annotations

import pytest

from anabranch.connectors import readers as readers_module
from anabranch.connectors.readers import UnionReader
from anabranch.errors import UnavailableError
from anabranch.topology import Topology


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
