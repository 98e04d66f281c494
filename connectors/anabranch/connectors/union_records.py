"""Records as the Python readers hand them over, and two filters over them."""

from __future__ import annotations

from collections.abc import Sequence

from anabranch.connectors import record_headers
from anabranch.connectors.ids import ID_BYTES, RecordId
from anabranch.connectors.versions import version_in

__all__ = ["LatestByVersion", "SeenIds", "StreamRecord"]


class StreamRecord:
    """One record of a stream, with the log that it was read from.

    Attributes:
        primary: Name of the primary in the topology document.
        topic: Name of the topic.
        partition: Of that primary.
        offset: In that partition.
        timestamp_ms: Create time, Unix milliseconds.
        key: None if the record has none.
        value: None for a tombstone.
        headers: All of them, in order.
    """

    __slots__ = ("headers", "key", "offset", "partition", "primary", "timestamp_ms", "topic", "value")

    def __init__(
        self,
        primary: str,
        topic: str,
        partition: int,
        offset: int,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> None:
        self.primary = primary
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp_ms = timestamp_ms
        self.key = key
        self.value = value
        self.headers = headers

    def header(self, name: str) -> bytes | None:
        """The last header of that name; None if there is none."""
        return next((value for each, value in reversed(self.headers) if each == name), None)

    @property
    def id(self) -> RecordId | None:
        """The id that the record carries; None for a foreign record."""
        encoded = self.header(record_headers.ID)
        return RecordId(encoded) if encoded is not None and len(encoded) == ID_BYTES else None

    @property
    def version(self) -> bytes | None:
        """12 bytes that compare as the versions do; None if the record is no upsert."""
        return version_in(self.headers)

    @property
    def deleted(self) -> bool:
        """It says that its key is gone."""
        return self.value is None or self.header(record_headers.OP) == record_headers.OP_DELETE

    def __repr__(self) -> str:
        return f"StreamRecord({self.primary}/{self.topic}-{self.partition}@{self.offset}, {self.value!r})"


class SeenIds:
    """Exact de-duplication in memory: 100 bytes a record, for looking at streams rather than for jobs."""

    def __init__(self) -> None:
        self._seen: set[RecordId] = set()

    def accept(self, record: StreamRecord) -> bool:
        """Whether this is the first record of its id; foreign records always are."""
        record_id = record.id
        if record_id is None:
            return True
        if record_id in self._seen:
            return False
        self._seen.add(record_id)
        return True


class LatestByVersion:
    """Keeps, per Kafka key, the record of the highest version; of equal ones the first.

    Records without a key are versions of nothing: as in a job, all of them are kept.

    Attributes:
        unkeyed: How many records had no key.
        unversioned: How many records had a key and no version. They are below all that have one, and among
            themselves nothing tells which is the newest.
    """

    def __init__(self) -> None:
        self.unkeyed = self.unversioned = 0
        self._latest: dict[bytes | int, StreamRecord] = {}

    def accept(self, record: StreamRecord) -> bool:
        """Whether the record is newer than what its key has so far."""
        if record.key is None:
            self.unkeyed += 1
            self._latest[self.unkeyed] = record
            return True
        known = self._latest.get(record.key)
        version = record.version or b""
        self.unversioned += not version
        if known is not None and version <= (known.version or b""):
            return False
        self._latest[record.key] = record
        return True

    def latest(self) -> list[StreamRecord]:
        """The newest record of each key that is not deleted, and all without a key, as they first came up."""
        return [record for record in self._latest.values() if record.key is None or not record.deleted]
