"""An archived record, as ``archived_record.avsc`` has it; Java's twin is ``ArchivedRecordWriter``."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any, Self

from anabranch.connectors.ids import RecordId
from anabranch.connectors.union_records import StreamRecord

__all__ = ["SCHEMA_NAME", "ArchivedRecord", "archive_schema"]

SCHEMA_NAME = "dev.anabranch.ArchivedRecord"


class ArchivedRecord(StreamRecord):
    """One record of an archive: what a reader of the stream would have got, and more about its log.

    Attributes:
        stream: Name of the stream in the topology document.
        cluster_id: Of the primary's Kafka cluster.
        topic_id: Kafka's id of the topic.
        leader_epoch: Of the leader that appended it; None where the log does not tell.
        record_id: What de-duplication goes by; made of the record's place where it carries no :attr:`id`.
    """

    __slots__ = ("cluster_id", "leader_epoch", "record_id", "stream", "topic_id")

    stream: str
    cluster_id: str
    topic_id: str
    leader_epoch: int | None
    record_id: RecordId

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Self:
        """From the fields of the schema."""
        record = cls(
            fields["primary"],
            fields["topic"],
            fields["partition"],
            fields["offset"],
            fields["timestamp_ms"],
            fields["key"],
            fields["value"],
            tuple((each["name"], each["value"]) for each in fields["headers"]),
        )
        record.stream = fields["stream"]
        record.cluster_id = fields["cluster_id"]
        record.topic_id = fields["topic_id"]
        record.leader_epoch = fields["leader_epoch"]
        record.record_id = RecordId(fields["record_id"])
        return record


@cache
def archive_schema() -> Any:
    """The schema, parsed for fastavro."""
    import fastavro

    return fastavro.parse_schema(json.loads((files(__package__) / "archived_record.avsc").read_text()))
