"""How a record of a stream is printed: a line for a person, or fields for a program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from anabranch.cli.stream_options import as_text, with_bytes

if TYPE_CHECKING:
    from anabranch.connectors.union_records import StreamRecord

__all__ = ["record_fields", "record_line"]


def record_line(record: StreamRecord) -> str:
    """PRIMARY-PARTITION@OFFSET, the key if there is one, and the value, with tabs between."""
    place = click.style(f"{record.primary}-{record.partition}@{record.offset}", dim=True)
    value = click.style("(deleted)", dim=True) if record.deleted else as_text(record.value)
    return "\t".join([place, *([as_text(record.key)] if record.key is not None else []), value])


def record_fields(record: StreamRecord) -> dict[str, object]:
    """All that is known of it but its headers, of which id and version are shown."""
    record_id, version = record.id, record.version
    return {
        "primary": record.primary,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "timestamp_ms": record.timestamp_ms,
        "id": record_id.hex() if record_id is not None else None,
        "version": version.hex() if version is not None else None,
        "deleted": record.deleted,
        **with_bytes("key", record.key),
        **with_bytes("value", record.value),
    }
