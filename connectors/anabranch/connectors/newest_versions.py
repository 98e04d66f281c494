"""Which version of a key is the newest that lies on any primary: asked before an older one is sent again."""

from __future__ import annotations

from collections.abc import Callable, Set
from typing import NamedTuple, TypeAlias

from anabranch.connectors.ids import RecordId
from anabranch.connectors.readers import UnionReader
from anabranch.errors import UnavailableError
from anabranch.topology import Topology

__all__ = ["NONE", "Meanwhile", "Newest", "newest_versions"]

Meanwhile: TypeAlias = Callable[[UnionReader, int], None]
"""Called about ten times a second with what reads, and with how many records it has read so far."""


class Newest(NamedTuple):
    """The highest version of a key, and the ids under which it lies there: a replay knows its own by them."""

    version: bytes
    ids: frozenset[RecordId]


NONE = Newest(b"", frozenset())


def newest_versions(
    topology: str | Topology,
    stream: str,
    keys: Set[bytes],
    *,
    deadline_s: float = 10.0,
    meanwhile: Meanwhile = lambda _reader, _records: None,
) -> dict[bytes, Newest]:
    """Reads all of a stream, to the ends that its logs have now.

    Args:
        topology: The document, or where it is.
        stream: A stream of upserts.
        keys: Kafka keys that are asked for; others take no memory.
        deadline_s: How long to try a primary that does not answer.
        meanwhile: Told of the progress.

    Returns:
        The highest version of each key that has any, those of deletes included: 12 bytes, which compare as
        versions do.

    Raises:
        UnavailableError: Some primary could not be read to its end. It may have the newest one.
    """
    newest: dict[bytes, Newest] = {}
    count = 0
    with UnionReader(topology, stream, until_end=True, deadline_s=deadline_s) as reader:
        for records in reader.batches():
            count += len(records)
            for record in records:
                key, version = record.key, record.version
                if key is not None and version is not None and key in keys:
                    known = newest.get(key, NONE)
                    if version >= known.version:
                        ids = known.ids if version == known.version else NONE.ids
                        newest[key] = Newest(version, ids | ({record.id} if record.id else NONE.ids))
            meanwhile(reader, count)
        problems = reader.problems()
    if problems:
        reasons = "; ".join(f"{name}: {problem}" for name, problem in problems.items())
        unread = "not every primary was read to its end, so newer versions may be there"
        raise UnavailableError(
            f"{unread}, and nothing is sent: {reasons}",
            where=f"stream {stream}",
            hint="bring it back (one that is gone for good is 'removed' in the topology document), "
            "or choose letters of other streams",
        )
    return newest
