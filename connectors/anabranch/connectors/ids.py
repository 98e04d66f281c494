"""Record ids: the Python twin of ``dev.anabranch.records.RecordId``, byte for byte.

``tests/unit/vectors/ids.json`` holds both to the same cases.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
import weakref
from typing import Self

__all__ = ["ID_BYTES", "INCARNATION_BYTES", "MAX_REPLAY", "MAX_SEQUENCE", "IdGenerator", "RecordId"]

ID_BYTES = 16
INCARNATION_BYTES = 10
_SEQUENCE_BYTES = ID_BYTES - INCARNATION_BYTES
MAX_SEQUENCE = 2 ** (8 * _SEQUENCE_BYTES) - 1
MAX_REPLAY = 2**31 - 1


class RecordId(bytes):
    """The identity of a record: 10 bytes of incarnation, then 6 bytes of sequence, big-endian.

    A value object that *is* its 16 bytes, because it goes into a header once a record and is compared
    and hashed as often.

    Raises:
        ValueError: Not 16 bytes, or a sequence outside 0..2^48-1.
    """

    __slots__ = ()

    def __new__(cls, encoded: bytes) -> Self:
        """Wraps 16 bytes."""
        if len(encoded) != ID_BYTES:
            raise ValueError(f"a record id has {ID_BYTES} bytes, not {len(encoded)}")
        return super().__new__(cls, encoded)

    @classmethod
    def of(cls, incarnation: bytes, sequence: int) -> Self:
        """An id of that incarnation (at least 10 bytes, the first 10 count) and sequence."""
        if not 0 <= sequence <= MAX_SEQUENCE:
            raise ValueError(f"a sequence lies in 0..2^48-1, not {sequence}")
        return cls(incarnation[:INCARNATION_BYTES] + sequence.to_bytes(_SEQUENCE_BYTES, "big"))

    @classmethod
    def supplied(cls, scope: str, sequence: int) -> Self:
        """The id of position ``sequence`` in ``scope``, stable over a producer's restart."""
        return cls.of(_sha256(scope.encode()), sequence)

    @classmethod
    def derived(cls, source: RecordId, job_uid: str, sink_uid: str, ordinal: int) -> Self:
        """The id of an output that a job derived from one input: the same again after a restore.

        Args:
            source: Id of the input.
            job_uid: Stable name of the job.
            sink_uid: Stable name of the sink in the job.
            ordinal: Position of this output among those of the same input, from 0.
        """
        job, sink = job_uid.encode(), sink_uid.encode()
        material = b"".join(
            (source.incarnation, _int32(len(job)), job, _int32(len(sink)), sink, _int32(ordinal))
        )
        return cls.of(_sha256(material), source.sequence)

    @classmethod
    def foreign(cls, cluster_id: str, topic_id: str, partition: int, offset: int) -> Self:
        """The id of a record that carries none: its place in one log of one Kafka cluster."""
        place = f"kafka\0{cluster_id}\0{topic_id}\0{partition}"
        return cls.of(_sha256(place.encode()), offset & MAX_SEQUENCE)

    @classmethod
    def replayed(cls, original: RecordId, replay: int) -> Self:
        """The id under which a dead letter is replayed: it passes dedup, once per replay number."""
        if not 0 <= replay <= MAX_REPLAY:
            raise ValueError(f"a replay's number lies in 0..2^31-1, not {replay}")
        return cls.of(_sha256(original.incarnation + b"replay" + _int32(replay)), original.sequence)

    @classmethod
    def mended(cls, original: RecordId, value: bytes, replay: int) -> Self:
        """The same of a letter with that value in place of its own: of two contents each has an id."""
        return cls.supplied(f"mended/{original.hex()}/{_sha256(value).hex()}", replay)

    @property
    def incarnation(self) -> bytes:
        """The first 10 bytes."""
        return self[:INCARNATION_BYTES]

    @property
    def sequence(self) -> int:
        """The last 6 bytes as a number."""
        return int.from_bytes(self[INCARNATION_BYTES:], "big")

    def __repr__(self) -> str:
        return f"RecordId({self.hex()})"

    __str__ = __repr__


class IdGenerator:
    """Generated ids: a random incarnation per process and stream, sequence from 0.

    The incarnation cannot be configured: one that is used again would make dedup eat new records. It is
    drawn again in a forked child, which otherwise would hand out its parent's ids. Safe from any thread.
    """

    def __init__(self) -> None:
        self._draw()
        _generators.add(self)

    def _draw(self) -> None:
        self._incarnation = secrets.token_bytes(INCARNATION_BYTES)
        self._sequence = itertools.count()

    def next_bytes(self) -> bytes:
        """The next id as plain bytes, for those who write one per record."""
        # next() of a count is one step under the interpreter's lock; 2^48 ids last nine years at 1 M/s.
        return self._incarnation + next(self._sequence).to_bytes(_SEQUENCE_BYTES, "big")

    def next(self) -> RecordId:
        """The next id."""
        return RecordId(self.next_bytes())


_generators: weakref.WeakSet[IdGenerator] = weakref.WeakSet()


def _draw_all() -> None:
    for generator in list(_generators):
        generator._draw()


os.register_at_fork(after_in_child=_draw_all)


def _sha256(material: bytes) -> bytes:
    return hashlib.sha256(material).digest()


def _int32(number: int) -> bytes:
    return number.to_bytes(4, "big", signed=True)
