"""Checkpoints and savepoints, as Flink's own classes and file systems find them in this process's JVM.

So it is the same identity, the same options and the same code path as in a job. The JVM starts at the first
question, which takes about a second; a run that is to start from one needs it anyway.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from anabranch.connectors.flink.file_systems import load_file_systems
from anabranch.connectors.flink.gateway import start_gateway
from anabranch.connectors.flink.java_errors import causes_in_trace, java_trace
from anabranch.connectors.jar_files import jar_paths
from anabranch.errors import ConfigurationError, UnavailableError

__all__ = ["MissingFile", "RestorePoint", "RestorePointReader"]

# Whoever asks for a list does not wait for half a minute when the storage is down.
_QUICK: Mapping[str, str] = {"fs.azure.blob.retries": "4"}
_NO_SCHEME = "UnsupportedFileSystemSchemeException"
_IDENTITY = "IdentityException"


@dataclass(frozen=True)
class MissingFile:
    """A file that a restore point refers to, and what is wrong with it.

    Attributes:
        uri: Of the file.
        reason: Such as ``is not there``.
    """

    uri: str
    reason: str


@dataclass(frozen=True)
class RestorePoint:
    """One checkpoint or savepoint, whether or not a job can be restored from it.

    Attributes:
        uri: Its folder.
        modified_ms: When its metadata was written, in milliseconds since 1970.
        problem: Why no job can be restored from it; None: it is complete.
        kind: Such as ``incremental checkpoint``; None if its metadata cannot be read.
        checkpoint_id: Its number; None as before.
        bytes: Of its metadata and of all files that it refers to; None as before.
        files: How many those are; None as before.
        missing: Those that are not as they should be.
    """

    uri: str
    modified_ms: int
    problem: str | None
    kind: str | None
    checkpoint_id: int | None
    bytes: int | None
    files: int | None
    missing: tuple[MissingFile, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether its metadata can be read, and all files are there with their lengths."""
        return self.problem is None

    @property
    def name(self) -> str:
        """Of its folder: ``chk-12``."""
        return self.uri.rstrip("/").rpartition("/")[2]

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> RestorePoint:
        """From what the JVM tells."""
        names = ("uri", "modified_ms", "problem", "kind", "checkpoint_id", "bytes", "files")
        missing = tuple(MissingFile(each["uri"], each["reason"]) for each in told["missing"])
        return cls(**{name: told[name] for name in names}, missing=missing)


class RestorePointReader:
    """Asks storage by Flink's file systems, with their plugins. For one thread.

    Args:
        options: Flink's, of which file systems take theirs.
        log_folder: Where the JVM writes its log, if this starts it.
        only_plans: As in :func:`~anabranch.connectors.flink.gateway.start_gateway`.

    Raises:
        EnvironmentMissingError: PyFlink, Java or the jars are missing.
    """

    def __init__(
        self, options: Mapping[str, str], log_folder: Path | None, *, only_plans: bool = True
    ) -> None:
        self._options = dict(options)
        self._loaded: dict[str, str] | None = None
        start_gateway(jar_paths(), log_folder, only_plans=only_plans)

    def find(self, places: Iterable[tuple[str, Sequence[str]]]) -> list[RestorePoint]:
        """All restore points in folders and up to three levels below, in no order.

        Args:
            places: URIs, each with beginnings of the names that are wanted there; none: all.

        Raises:
            UnavailableError: Storage cannot be reached.
            ConfigurationError: There is no file system for it, or no identity.
        """
        search = self._java(_QUICK).RestorePoints()
        for place, beginnings in places:
            _asking(place, partial(search.find, place, _java_list(beginnings)))
        return [RestorePoint.of(each) for each in json.loads(search.found())]

    def check(self, uri: str) -> RestorePoint:
        """One of them, whatever is there; raises as :meth:`find`."""
        points = self._java(_QUICK).RestorePoints
        return RestorePoint.of(json.loads(_asking(uri, partial(points.check, uri))))

    def show(self, uri: str) -> dict[str, Any]:
        """One of them with its operators and files, as JSON has it; raises as :meth:`find`."""
        points = self._java(_QUICK).RestorePoints
        told: dict[str, Any] = json.loads(_asking(uri, partial(points.show, uri)))
        return told

    def protect(self, uri: str, target: str) -> tuple[RestorePoint, int]:
        """Copies one with all files that it refers to; may be repeated.

        Args:
            uri: Of a complete one.
            target: The folder that the copy is to be.

        Returns:
            The copy, looked at anew, and how many files were copied this time.

        Raises:
            UnavailableError: It is not complete, another one is at the target, or storage failed.
            ConfigurationError: As in :meth:`find`.
        """
        points = self._java({}).RestorePoints
        done = json.loads(_asking(uri, partial(points.protect, uri, target)))
        return RestorePoint.of(done["point"]), int(done["copied"])

    def _java(self, more: Mapping[str, str]) -> Any:
        options = {**more, **self._options}
        if options != self._loaded:
            load_file_systems(options)
            self._loaded = options
        return _jvm().dev.anabranch.restore


def _jvm() -> Any:
    from pyflink.java_gateway import get_gateway

    return get_gateway().jvm


def _java_list(items: Sequence[str]) -> Any:
    made = _jvm().java.util.ArrayList()
    for item in items:
        made.add(item)
    return made


def _asking(place: str, ask: Callable[[], Any]) -> Any:
    """What the JVM answers; its exceptions become errors of ours, in one sentence."""
    from py4j.protocol import Py4JJavaError

    try:
        return ask()
    except Py4JJavaError as error:
        causes = causes_in_trace(java_trace(error) or "")
        kinds = {cause.type for cause in causes}
        said = [cause.message.splitlines()[0] for cause in causes if cause.message]
        sentence = said[0] if said else "storage cannot be used"
        if _NO_SCHEME in kinds:
            scheme = place.partition(":")[0]
            raise ConfigurationError(
                f"there is no file system for {scheme} here",
                where=place,
                hint="put Flink's plugin for it in a folder below the one that FLINK_PLUGINS_DIR names",
            ) from None
        if _IDENTITY in kinds:
            raise ConfigurationError(sentence, where=place) from None
        raise UnavailableError(
            sentence, where=place, hint="is the place right, and may you use it?"
        ) from None
