"""The JSON Schema of the document, for editors and CI. Committed as ``docs/topology.schema.json``."""

from __future__ import annotations

import json
from typing import Any

from anabranch.topology.model import Topology

__all__ = ["topology_schema", "topology_schema_text"]


def topology_schema() -> dict[str, Any]:
    """The schema (draft 2020-12). Rules between fields and guards are not in it."""
    schema = Topology.model_json_schema()
    _close(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "anabranch topology document",
    }


def _close(node: Any) -> None:
    """Names that match no pattern are errors, and descriptions keep to their first paragraph."""
    if isinstance(node, dict):
        if "patternProperties" in node:
            node["additionalProperties"] = False
        if isinstance(node.get("description"), str):
            node["description"] = node["description"].partition("\n\n")[0]
        for child in node.values():
            _close(child)
    elif isinstance(node, list):
        for child in node:
            _close(child)


def topology_schema_text() -> str:
    """The schema as it is committed and printed."""
    return json.dumps(topology_schema(), indent=2, ensure_ascii=False) + "\n"
