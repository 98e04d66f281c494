"""Dead letters: what a pipeline set aside, kept so that it can be found, mended and replayed.

A letter is a raw Avro datum of the schema ``dead_letter.avsc`` on a stream of its own. Its record id is made
of the original's, so that a letter written twice (a job that was restored) counts once. All but one tell of a
record that could not go on: :data:`DEGRADED` lists one that was written, to fewer primaries than wanted.
"""

from __future__ import annotations

import hashlib
import io
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Self

from anabranch.connectors.ids import RecordId
from anabranch.connectors.prism import PrismProducer
from anabranch.connectors.readers import UnionReader
from anabranch.connectors.union_records import SeenIds
from anabranch.connectors.versions import version_in
from anabranch.errors import AnabranchError
from anabranch.topology import Topology

__all__ = [
    "DEGRADED",
    "LOST",
    "MAX_KEPT_BYTES",
    "SCHEMA_HEADER",
    "DeadLetter",
    "LetterBox",
    "Letters",
    "NotADeadLetterError",
    "read_dead_letters",
]

DEGRADED = "degraded"
"""Reason of a letter about a record that lies in its stream, under the letter's ``record_id``, on too few
primaries: :attr:`DeadLetter.primary` is the first of them, and the detail names all."""
LOST = "lost"
"""Reason of a letter about a range of records that nobody has any more; its detail says which."""
SCHEMA_HEADER = ("anabranch-schema", b"dead-letter/1")
# A letter must fit into any primary's default limit of 1 MB a record, with room for its headers.
MAX_KEPT_BYTES = 65_536
# How a detail ends where the key is cut or headers are left out, in letters of jobs (DeadLetterEncoder.java)
# as well. The schema has no fields for it: as plain datums, letters without them could not be read.
_LEFT_OUT = re.compile(r"; (\d+) of \d+ headers are left out$")
_KEY_CUT = re.compile(r"; \d+ of (\d+) bytes of the key are kept(; \d+ of \d+ headers are left out)?$")


class NotADeadLetterError(AnabranchError):
    """A record of the dead-letters stream is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DeadLetter:
    """A record that could not go through a pipeline. The fields are those of ``dead_letter.avsc``.

    Attributes:
        key: As many of its first bytes as are kept; all of them if there are :attr:`key_length`.
        value: As many of its first bytes as are kept; all of them if :attr:`complete`.
    """

    reason: str
    detail: str
    stream: str
    primary: str = ""
    cluster_id: str = ""
    topic: str = ""
    topic_id: str = ""
    partition: int = -1
    offset: int = -1
    timestamp_ms: int
    record_id: RecordId
    key: bytes | None
    value: bytes | None
    value_length: int
    value_sha256: bytes
    headers: Sequence[tuple[str, bytes | None]] = ()
    job: str = ""
    occurred_ms: int = field(default_factory=lambda: int(time.time() * 1000))

    @classmethod
    def refused(
        cls,
        stream: str,
        record_id: RecordId,
        value: bytes,
        *,
        reason: str,
        detail: str,
        key: bytes | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[tuple[str, bytes | None]] = (),
        job: str = "",
    ) -> Self:
        """A letter about a record that never got into its stream, such as one that is too large.

        Of the headers those are kept that fit into :data:`MAX_KEPT_BYTES` together; the detail says how many
        are left out, and whether the key, of which as much is kept, is cut.
        """
        kept = _fitting(headers)
        left_out = len(headers) - len(kept)
        cut = key is not None and len(key) > MAX_KEPT_BYTES
        note = f"; {MAX_KEPT_BYTES} of {len(key or b'')} bytes of the key are kept" if cut else ""
        note += f"; {left_out} of {len(headers)} headers are left out" if left_out else ""
        return cls(
            reason=reason,
            detail=detail + note,
            stream=stream,
            topic=stream,
            timestamp_ms=int(time.time() * 1000) if timestamp_ms is None else timestamp_ms,
            record_id=record_id,
            key=key[:MAX_KEPT_BYTES] if key is not None else None,
            value=value[:MAX_KEPT_BYTES],
            value_length=len(value),
            value_sha256=hashlib.sha256(value).digest(),
            headers=kept,
            job=job,
        )

    @property
    def complete(self) -> bool:
        """The whole value is here."""
        return self.value is None or len(self.value) == self.value_length

    @property
    def headers_left_out(self) -> int:
        """How many headers of its record did not fit; the schema has no field for it, so the detail tells."""
        note = _LEFT_OUT.search(self.detail)
        return int(note[1]) if note else 0

    @property
    def key_length(self) -> int:
        """Bytes of the record's key, 0 without one: more than :attr:`key` has where that is cut."""
        note = _KEY_CUT.search(self.detail)
        return int(note[1]) if note else len(self.key or b"")

    @property
    def version(self) -> bytes | None:
        """12 bytes that compare as versions do; None if its record is no upsert or the header is left out."""
        return version_in(self.headers)

    @property
    def letter_id(self) -> RecordId:
        """Id of the letter's own record.

        Whoever reads a record that lacks copies may set it aside too, for a reason of its own.
        """
        kind = DEGRADED if self.reason == DEGRADED else "dead-letter"
        return RecordId.supplied(f"{kind}/{self.record_id.hex()}", 0)

    def encode(self) -> bytes:
        """The raw Avro datum."""
        import fastavro

        fields = {name: getattr(self, name) for name in self.__slots__}
        fields["headers"] = [{"name": name, "value": value} for name, value in self.headers]
        fields["record_id"] = bytes(self.record_id)
        out = io.BytesIO()
        fastavro.schemaless_writer(out, _schema(), fields)
        return out.getvalue()

    @classmethod
    def decode(cls, datum: bytes) -> Self:
        """From the raw Avro datum.

        Raises:
            NotADeadLetterError: It is no such datum.
        """
        import fastavro

        try:
            fields: dict[str, Any] = fastavro.schemaless_reader(io.BytesIO(datum), _schema(), None)
        except Exception as error:
            # fastavro raises whatever its reader stumbles over.
            raise NotADeadLetterError(f"this is no dead letter: {type(error).__name__}: {error}") from error
        fields["headers"] = tuple((each["name"], each["value"]) for each in fields["headers"])
        fields["record_id"] = RecordId(fields["record_id"])
        return cls(**fields)


def _fitting(headers: Sequence[tuple[str, bytes | None]]) -> tuple[tuple[str, bytes | None], ...]:
    """A letter that is larger than primaries take would never be written."""
    room = MAX_KEPT_BYTES
    kept: list[tuple[str, bytes | None]] = []
    for name, value in headers:
        # At least 1, so that many empty ones come to an end too.
        size = max(1, len(name.encode()) + len(value or b""))
        if size <= room:
            room -= size
            kept.append((name, value))
    return tuple(kept)


@cache
def _schema() -> Any:
    import json

    import fastavro

    return fastavro.parse_schema(json.loads((files(__package__) / "dead_letter.avsc").read_text()))


class LetterBox:
    """Writes dead letters to their stream.

    Args:
        topology: The document, or where it is.
        stream: Where letters go.
    """

    def __init__(self, topology: str | Topology, stream: str = "dead-letters") -> None:
        self._producer = PrismProducer(topology, stream)

    def put(self, letter: DeadLetter) -> None:
        """Accepts a letter; it is written at the latest by :meth:`close`.

        Raises:
            DeliveryError: No primary takes it.
        """
        self._producer.send(letter.encode(), id=letter.letter_id, headers=[SCHEMA_HEADER])

    def close(self) -> None:
        """Waits until all are written.

        Raises:
            DeliveryError: Some were not.
        """
        self._producer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Letters:
    """What was found on a dead-letters stream.

    Attributes:
        letters: Each once, in the order in which they were set aside.
        strangers: How many records of the stream are no letters.
        problems: Primaries that could not be read, with the reason: there may be more.
    """

    letters: list[DeadLetter]
    strangers: int
    problems: dict[str, str]


def read_dead_letters(
    topology: str | Topology,
    stream: str = "dead-letters",
    *,
    deadline_s: float = 10.0,
    meanwhile: Callable[[UnionReader], None] = lambda _: None,
) -> Letters:
    """Reads all letters that are on the primaries now, each once.

    Those of equal upserts that were refused have one id; the one of the highest version is kept.

    Args:
        topology: The document, or where it is.
        stream: Where letters are.
        deadline_s: How long to try a primary that does not answer.
        meanwhile: Called about ten times a second with what reads: it knows for whom it waits.

    Raises:
        UnavailableError: No primary can be read at all.
    """
    letters: list[DeadLetter] = []
    strangers = 0
    places: dict[RecordId | None, int] = {}  # without an id each is another one
    seen = SeenIds()
    with UnionReader(topology, stream, until_end=True, deadline_s=deadline_s) as reader:
        for records in reader.batches():
            meanwhile(reader)
            for record in records:
                known = not seen.accept(record)
                try:
                    letter = DeadLetter.decode(record.value or b"")
                except NotADeadLetterError:
                    strangers += not known
                    continue
                place = places.get(record.id)
                if not known:
                    places[record.id] = len(letters)
                    letters.append(letter)
                elif place is not None and (letter.version or b"") > (letters[place].version or b""):
                    letters[place] = letter
        reader.check_reached()
        problems = reader.problems()
    letters.sort(key=lambda letter: (letter.occurred_ms, letter.record_id))
    return Letters(letters, strangers, problems)
