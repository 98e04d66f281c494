"""What ``loop.json`` says of a loop, and the lock under which a loop is started or ended."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import TypeAdapter

from anabranch.devkit import process
from anabranch.devkit.loop_spec import LoopSpec
from anabranch.devkit.state import DamagedError, exclusive, read_json
from anabranch.errors import ConfigurationError

__all__ = ["held", "known_state", "said_in", "state_in"]


@dataclass(frozen=True)
class _State:
    phase: Literal["starting", "attached", "detached", "down"]
    mark: str
    spec: LoopSpec
    owner: process.ProcessRef


_STATE = TypeAdapter(_State)


def held(folder: Path, *, timeout_s: float) -> contextlib.AbstractContextManager[None]:
    """Keeps others from starting or ending the loop; beside its folder, which comes and goes meanwhile."""
    name = folder.name
    return exclusive(folder.parent / f".{name}.lock", timeout_s=timeout_s, what=f"loop '{name}'", stays=False)


def state_in(folder: Path) -> dict[str, Any] | None:
    """What ``loop.json`` says; None where there is none.

    Raises:
        DamagedError: It does not say what a loop's must.
    """
    path = folder / "loop.json"
    # What another version writes parses, and has other fields.
    with contextlib.suppress(ConfigurationError, KeyError, TypeError, ValueError):
        state: dict[str, Any] | None = read_json(path)
        if state is not None:
            _STATE.validate_json(json.dumps(state), strict=True)
            # Fields that only another version has are nothing to pydantic.
            LoopSpec.from_json(state["spec"])
            process.ProcessRef(**state["owner"])
        return state
    hint = f"anabranch dev down --name {folder.name} ends what is left of it"
    raise DamagedError(f"the state of loop '{folder.name}' is damaged", where=str(path), hint=hint)


def known_state(folder: Path) -> dict[str, Any]:
    """What a loop's ``loop.json`` says; empty where nothing is known."""
    with contextlib.suppress(DamagedError):
        return state_in(folder) or {}
    return {}


def said_in(folder: Path) -> dict[str, Any]:
    """What ``loop.json`` says, be it damaged; empty where that is nothing."""
    with contextlib.suppress(DamagedError):
        said = read_json(folder / "loop.json")
        return said if isinstance(said, dict) else {}
    return {}
