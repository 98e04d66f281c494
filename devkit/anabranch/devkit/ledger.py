"""The ledger: what was sent, and what became of it, written outside the pipeline.

Each producer process appends to a file of its own. An entry has 24 bytes, little-endian: kind (1), primary
(1), partition (2), input line (4), payload hash (8), offset (8). A ``SENT`` entry reaches the operating
system before its record is handed to the producer, so a producer that dies leaves no record that the ledger
does not know.

A file that lost entries still reads as a ledger, of fewer records. So the writer seals its file when it
closes it: number of entries and SHA-256, as they left the producer, are reported apart from the file.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path

from anabranch.errors import ConfigurationError

__all__ = [
    "Kind",
    "Ledger",
    "LedgerSeal",
    "LedgerWriter",
    "Places",
    "content_hash",
    "hash_head",
    "read_ledger",
    "read_sealed_ledger",
]

_ENTRY = struct.Struct("<BBHIqq")
# 2,048 entries are 48 KiB: one write call each, and little enough to lose nothing that matters on a crash.
_BUFFERED_ENTRIES = 2_048


class Kind(IntEnum):
    """What an entry says."""

    SENT = 1
    """Line and hash are about to be handed to the producer."""
    ACKNOWLEDGED = 2
    """One primary acknowledged the line, at that partition and offset."""
    UNKNOWN = 3
    """At least one attempt of the line stays unanswered: it may or may not be in a log."""
    FAILED = 4
    """The send was given up."""


def content_hash(value: bytes) -> int:
    """The first 8 bytes of SHA-256, big-endian, signed: what the metadata column ``value-hash`` holds."""
    return hash_head(hashlib.sha256(value).digest())


def hash_head(sha256: bytes) -> int:
    """The content hash of what has this SHA-256."""
    return int.from_bytes(sha256[:8], "big", signed=True)


@dataclass(frozen=True, slots=True)
class LedgerSeal:
    """What a producer wrote into its ledger, all in all.

    Attributes:
        entries: How many.
        sha256: Of all of them, in hex.
    """

    entries: int
    sha256: str


class LedgerWriter:
    """Appends entries to one new file of one producer process.

    Safe to use from several threads: records are sent from one, and their deliveries told from another.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._buffer = bytearray()
        self._entries = 0
        self._digest = hashlib.sha256()
        self._lock = threading.Lock()

    def sent(self, lines: Iterable[tuple[int, int]]) -> None:
        """Writes (line, content hash) pairs through to the operating system, before they are sent."""
        entries = b"".join(_ENTRY.pack(Kind.SENT, 0, 0, line, digest, 0) for line, digest in lines)
        with self._lock:
            self._buffer += entries
            self._write()

    def acknowledged(self, line: int, primary: int, partition: int, offset: int) -> None:
        """Notes one acknowledgement; ``primary`` is an index that the caller gives a meaning."""
        self._append(_ENTRY.pack(Kind.ACKNOWLEDGED, primary, partition, line, 0, offset))

    def unknown(self, line: int) -> None:
        """Notes that some attempt of the line stays unanswered."""
        self._append(_ENTRY.pack(Kind.UNKNOWN, 0, 0, line, 0, 0))

    def failed(self, line: int) -> None:
        """Notes that the send was given up."""
        self._append(_ENTRY.pack(Kind.FAILED, 0, 0, line, 0, 0))

    def flush(self) -> None:
        """Hands all entries to the operating system."""
        with self._lock:
            self._write()

    def _write(self) -> None:
        written = bytes(self._buffer)
        self._entries += len(written) // _ENTRY.size
        self._digest.update(written)
        view = memoryview(written)
        while view:
            view = view[os.write(self._fd, view) :]
        self._buffer.clear()

    def close(self) -> LedgerSeal:
        """Flushes and closes the file; returns what must be in it."""
        self.flush()
        os.close(self._fd)
        return LedgerSeal(self._entries, self._digest.hexdigest())

    def _append(self, entry: bytes) -> None:
        with self._lock:
            self._buffer += entry
            if len(self._buffer) >= _BUFFERED_ENTRIES * _ENTRY.size:
                self._write()


@dataclass
class Places:
    """Where one primary said that it has records: the n-th line is at the n-th place.

    A line can be at several places, and after a wipe two lines at one: hence no mapping.
    """

    lines: array[int] = field(default_factory=lambda: array("q"))
    at: array[int] = field(default_factory=lambda: array("q"))

    @staticmethod
    def number(partition: int, offset: int) -> int:
        """A place as one number: 2^15 partitions of 2^48 records."""
        return partition << 48 | offset


@dataclass
class Ledger:
    """All entries of a run of the demo, by line.

    Attributes:
        sent: Content hash by line.
        acknowledged: Primaries (indexes) that acknowledged a line.
        places: By primary (index), where each line is that it acknowledged.
        unknown: Lines with an attempt that stayed unanswered.
        failed: Lines that were given up.
    """

    sent: dict[int, int] = field(default_factory=dict)
    acknowledged: dict[int, tuple[int, ...]] = field(default_factory=dict)
    places: dict[int, Places] = field(default_factory=dict)
    unknown: set[int] = field(default_factory=set)
    failed: set[int] = field(default_factory=set)

    def add(self, data: bytes) -> None:
        """Takes entries in. A torn last one, left by a killed producer, is passed over.

        Raises:
            ValueError: They are no entries of a ledger.
        """
        whole = len(data) - len(data) % _ENTRY.size
        # Plain numbers and no object an entry: there are two for each of a million records.
        sent, acknowledged = int(Kind.SENT), int(Kind.ACKNOWLEDGED)
        for kind, primary, partition, line, digest, offset in _ENTRY.iter_unpack(data[:whole]):
            if kind == sent:
                self.sent[line] = digest
            elif kind == acknowledged:
                self.acknowledged[line] = (*self.acknowledged.get(line, ()), primary)
                places = self.places.get(primary) or self.places.setdefault(primary, Places())
                places.lines.append(line)
                places.at.append(Places.number(partition, offset))
            elif Kind(kind) is Kind.UNKNOWN:
                self.unknown.add(line)
            else:
                self.failed.add(line)


def read_ledger(paths: Iterable[Path]) -> Ledger:
    """The ledger of all producer processes together, also of ones that were killed."""
    ledger = Ledger()
    for path in paths:
        ledger.add(path.read_bytes())
    return ledger


def read_sealed_ledger(folder: Path, seals: Mapping[str, LedgerSeal]) -> Ledger:
    """The ledger of all producer processes together, exactly as they wrote it.

    Args:
        folder: Where the files are.
        seals: By file name, what each producer says that it wrote.

    Raises:
        ConfigurationError: A file is missing, is not what its producer wrote, or belongs to no producer.
    """
    for path in folder.glob("*.ledger"):
        if path.name not in seals:
            raise _no_evidence(path, "is not of this run")
    ledger = Ledger()
    for name, seal in sorted(seals.items()):
        path = folder / name
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _no_evidence(path, f"is missing: {error.strerror}") from error
        if len(data) != seal.entries * _ENTRY.size:
            wrote = f"its producer wrote {seal.entries:,} entries of {_ENTRY.size} bytes"
            raise _no_evidence(path, f"is damaged: it has {len(data):,} bytes, {wrote}")
        if hashlib.sha256(data).hexdigest() != seal.sha256:
            raise _no_evidence(path, "is damaged: its content is not what its producer wrote")
        ledger.add(data)
    return ledger


def _no_evidence(path: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"{path.name} {problem}",
        where=str(path.parent),
        hint="nothing can be judged without every ledger as it was: take an intact copy, or run again",
    )
