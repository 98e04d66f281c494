"""What a job's YAML holds: resources and environment, never what the job computes."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

__all__ = ["CheckpointSettings", "MiniBatchSettings", "Settings", "StateSettings", "is_port"]

_Strict = ConfigDict(extra="forbid", frozen=True)
# Flink takes no less than 10 ms.
_Seconds = Annotated[float, Field(ge=0.01, allow_inf_nan=False)]
_LAST_PORT = 65_535


def is_port(text: str) -> bool:
    """Whether it is the number of one port."""
    # Not isdigit: it takes ² too.
    return re.fullmatch("[0-9]{1,5}", text) is not None and 0 < int(text) <= _LAST_PORT


def _address(text: str | None) -> str | None:
    if text is None:
        return None
    # As `dev up` and Flink's own page show it.
    text = text.removeprefix("http://").removesuffix("/")
    host, _, port = text.rpartition(":")
    if not (host and "/" not in host and is_port(port)):
        raise PydanticCustomError("address", "no host:port", {"hint": "write it as in 127.0.0.1:8081"})
    return text


class CheckpointSettings(BaseModel):
    """How a job remembers where it was."""

    model_config = _Strict

    dir: Annotated[str | None, Field(description="Folder or URI; a folder of this user by default.")] = None
    interval_s: Annotated[_Seconds, Field(description="Time between two checkpoints.")] = 10
    timeout_s: Annotated[_Seconds, Field(description="A slower one is given up.")] = 600
    # Three, so that one that a dying JobManager deletes is not the last.
    retained: Annotated[int, Field(ge=3, description="How many are kept, at least 3.")] = 3


class StateSettings(BaseModel):
    """Where operators keep their state."""

    model_config = _Strict

    backend: Annotated[Literal["rocksdb", "hashmap"], Field(description="On disk, or on the heap.")] = (
        "rocksdb"
    )
    incremental: Annotated[bool, Field(description="Whether checkpoints hold only what is new.")] = True


class MiniBatchSettings(BaseModel):
    """How much aggregates gather before they touch state and send an update."""

    model_config = _Strict

    latency_s: Annotated[float, Field(ge=0, allow_inf_nan=False, description="0 switches it off.")] = 1
    size: Annotated[int, Field(gt=0, description="Records, per task.")] = 20_000


class Settings(BaseModel):
    """All of it; every value has a default but the topology."""

    model_config = _Strict

    topology: Annotated[str | None, Field(description="Path or URI of the topology document.")] = None
    cluster: Annotated[
        str | None,
        Field(description="host:port of a Flink session cluster; without it Flink runs here."),
        AfterValidator(_address),
    ] = None
    parallelism: Annotated[int, Field(ge=1, description="Subtasks of each operator.")] = 2
    dead_letters: Annotated[
        str | None,
        Field(description="Stream of what cannot be decoded; null or empty: a bad record fails the job."),
        AfterValidator(lambda stream: stream or None),
    ] = "dead-letters"
    archive: Annotated[
        str | None, Field(description="Folder or URI that streams are archived to (`job.archive`).")
    ] = None
    start: Annotated[
        Literal["earliest", "latest", "group-offsets"], Field(description="Where reading starts.")
    ] = "earliest"
    bounded: Annotated[
        bool, Field(description="Whether reading stops at the ends that the streams have at the start.")
    ] = False
    restore: Annotated[
        str | None, Field(description="Checkpoint or savepoint to start from; `latest`: this job's newest.")
    ] = None
    checkpoints: CheckpointSettings = CheckpointSettings()
    state: StateSettings = StateSettings()
    mini_batch: MiniBatchSettings = MiniBatchSettings()
    inputs: Annotated[
        dict[str, str], Field(description="Options of the connector `union`, for every input; they win.")
    ] = {}
    flink: Annotated[
        dict[str, str | int | float | bool], Field(description="Any of Flink's options; they win.")
    ] = {}
