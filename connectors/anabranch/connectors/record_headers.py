"""Names of the Kafka headers that anabranch reads and writes; twin of the Java ``RecordHeaders``."""

from __future__ import annotations

__all__ = ["ID", "LATE", "LOST", "OP", "OP_DELETE", "REFUSED_ROW", "VERSION", "VERSION_BYTES"]

ID = "anabranch-id"
"""16 bytes, see :class:`~anabranch.connectors.ids.RecordId`. The same on every retry, hedge and copy."""

VERSION = "anabranch-version"
"""On upserts only: 4 bytes of epoch, 8 bytes of hybrid logical clock, compared unsigned, as bytes."""

VERSION_BYTES = 12

OP = "anabranch-op"
"""Kind of an upsert; absent means insert or update."""

REFUSED_ROW = "anabranch-row"
"""In a dead letter about a row that was never written, of which no bytes could be made: its text."""

LATE = "anabranch-late"
"""Marks a late record within a job; its letter has it."""

LOST = "anabranch-lost"
"""Marks, within a job, what stands for records that were lost; its letter has it."""

OP_DELETE = b"d"
"""Value of :data:`OP` for a delete, which is a record with a non-null value."""
