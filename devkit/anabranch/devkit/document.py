"""The topology document of a loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from anabranch.devkit.loop_spec import LoopSpec
from anabranch.devkit.state import write_atomically

__all__ = ["add_stream", "write_document"]

_RETENTION_S = 7 * 24 * 3600  # Kafka's default, which the loop's brokers keep
_OUTAGE_BUDGET_S = 3600


def write_document(
    path: Path, spec: LoopSpec, bootstrap: dict[str, str], auth: dict[str, str] | None
) -> None:
    """Writes generation 1: one group, its primaries (name to bootstrap) and the streams."""
    primaries = {
        name: {"bootstrap": [address], **({"auth": auth} if auth else {})}
        for name, address in bootstrap.items()
    }
    group = {"primaries": primaries, "streams": _streams(spec, spec.streams)}
    _write(path, {"generation": 1, "groups": {spec.group: group}})


def add_stream(path: Path, spec: LoopSpec, streams: dict[str, int]) -> None:
    """Adds streams (name to partitions) and raises the generation."""
    document = yaml.safe_load(path.read_text())
    document["generation"] += 1
    document["groups"][spec.group]["streams"].update(_streams(spec, streams))
    _write(path, document)


def _streams(spec: LoopSpec, streams: dict[str, int]) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "topic": name,
            "partitions": partitions,
            "copies": spec.copies,
            "retention_s": _RETENTION_S,
            "outage_budget_s": _OUTAGE_BUDGET_S,
        }
        for name, partitions in streams.items()
    }


def _write(path: Path, document: dict[str, Any]) -> None:
    write_atomically(path, yaml.dump(document, sort_keys=False, Dumper=_Plain))


class _Plain(yaml.SafeDumper):
    """Writes a block out again where it is used twice, in place of anchors that few people read."""

    def ignore_aliases(self, data: Any) -> bool:
        return True
