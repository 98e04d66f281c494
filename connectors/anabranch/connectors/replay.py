"""Replays dead letters into the streams that they came from, mended or as they are."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from anabranch.connectors import record_headers
from anabranch.connectors.dead_letters import DEGRADED, LOST, DeadLetter
from anabranch.connectors.ids import MAX_REPLAY, RecordId
from anabranch.connectors.newest_versions import NONE, Meanwhile, Newest, newest_versions
from anabranch.connectors.prism import Delivery, PrismProducer
from anabranch.connectors.versions import version_above
from anabranch.errors import ConfigurationError
from anabranch.topology import Topology

__all__ = ["Replayed", "replay"]

# A new id takes the old one's place; the others say why the letter was written, not what the record is.
_NOT_SENT = (record_headers.ID, record_headers.REFUSED_ROW, record_headers.LATE, record_headers.LOST)
_LATE = "late"


@dataclass(slots=True)
class Replayed:
    """What a replay did.

    Attributes:
        sent: Letters whose record was acknowledged, by original id.
        failed: Letters whose record was not, with the reason.
        skipped: Letters that cannot be replayed, with the reason.
        outdated: Those of the skipped that are upserts of whose key there is a newer version, on a primary
            or among the letters: nothing is left to be done about them.
        incomplete: Of each stream, how many of the records sent lack headers that their letters did not keep.
    """

    sent: list[RecordId] = field(default_factory=list)
    failed: dict[RecordId, str] = field(default_factory=dict)
    skipped: dict[RecordId, str] = field(default_factory=dict)
    outdated: set[RecordId] = field(default_factory=set)
    incomplete: Counter[str] = field(default_factory=Counter)


class _Again(NamedTuple):
    """A letter that can be replayed, with the value to send."""

    letter: DeadLetter
    value: bytes
    id: RecordId
    version: bytes | None


def replay(
    topology: str | Topology,
    letters: Iterable[DeadLetter],
    *,
    number: int = 1,
    mended: Mapping[RecordId, bytes] | None = None,
    meanwhile: Meanwhile = lambda _reader, _records: None,
) -> Replayed:
    """Sends letters' records again, each to its own stream.

    A record goes out under an id made of the original one and ``number``: dedup, which has seen the
    original, lets it through, but only once, however often the same replay is run. A mended value is part of
    the id, since of two contents under one id one would be dropped in silence: a record that is mended in two
    ways is two. Key and further headers are the original's. So is the create time, except of a late letter:
    with the time that made it late it would be late again, so its record is sent as created now.

    The record of a ``degraded`` letter lies in its stream already. It goes out once more under its own id,
    whatever the number, so that it gets the copies that it lacks and is counted once.

    An upsert that was never written, or lacks copies, goes out under its version. Any other lies in its
    stream under that, on one primary at least, and readers, which have seen it, take nothing that is not
    newer: it gets the next one, which is below whatever its key is given from now on. All go out only while
    no primary has a newer one of their key: behind that, they would be what compaction keeps. To know it,
    the streams of such letters are read before anything is sent. What a job writes from then on is not seen,
    so its keys must be quiet.

    Args:
        topology: The document, or where it is.
        letters: What to replay.
        number: Of the replay; the next one of the same letters needs another number.
        mended: Values to send in place of the letters' own, by original id.
        meanwhile: Told of the progress while a stream of upserts is read.

    Raises:
        ConfigurationError: ``number`` is not in 1..2^31-1.
        UnavailableError: Some letter is of an upsert, and not every primary of its stream could be read to
            its end. Nothing has been sent.
        DeliveryError: No primary takes records.
    """
    if not 1 <= number <= MAX_REPLAY:
        raise ConfigurationError(f"a replay has a number in 1..{MAX_REPLAY}, not {number}")
    result = Replayed()
    chosen = _still_newest(topology, _replayable(letters, mended or {}, number, result), result, meanwhile)
    producers: dict[str, PrismProducer] = {}
    try:
        for again in chosen:
            stream = again.letter.stream
            if stream not in producers:
                producers[stream] = PrismProducer(topology, stream)
            _send(producers[stream], again, result)
    finally:
        for producer in producers.values():
            producer.close()
    return result


def _replayable(
    letters: Iterable[DeadLetter], mended: Mapping[RecordId, bytes], number: int, result: Replayed
) -> list[_Again]:
    able = []
    for letter in letters:
        value = mended.get(letter.record_id, letter.value if letter.complete else None)
        why_not = _why_not(letter, value)
        if value is None or why_not:
            result.skipped[letter.record_id] = why_not
        else:
            able.append(_Again(letter, value, _id(letter, value, number), letter.version))
    return able


def _id(letter: DeadLetter, value: bytes, number: int) -> RecordId:
    """Under which that value goes out."""
    if letter.reason == DEGRADED:
        return letter.record_id
    if hashlib.sha256(value).digest() == letter.value_sha256:
        return RecordId.replayed(letter.record_id, number)
    return RecordId.mended(letter.record_id, value, number)


def _still_newest(
    topology: str | Topology, able: list[_Again], result: Replayed, meanwhile: Meanwhile
) -> list[_Again]:
    """Without upserts of whose key there is a newer version: of each key and stream one version is left."""
    keys: dict[str, set[bytes]] = {}
    for again in able:
        key = _upsert_key(again.letter)
        if key is not None:
            keys.setdefault(again.letter.stream, set()).add(key)
    stored = {
        stream: newest_versions(topology, stream, of, meanwhile=meanwhile) for stream, of in keys.items()
    }
    placed = []
    among: dict[tuple[str, bytes], bytes] = {}
    for again in able:
        key = _upsert_key(again.letter)
        if key is not None:
            again = again._replace(version=_version(again, stored[again.letter.stream].get(key, NONE)))
            place = (again.letter.stream, key)
            among[place] = max(again.version or b"", among.get(place, b""))
        placed.append((again, key))
    chosen = []
    for again, key in placed:
        stream = again.letter.stream
        outdated = key is not None and _outdated(again, stored[stream].get(key, NONE), among[stream, key])
        if outdated:
            result.skipped[again.letter.record_id] = outdated
            result.outdated.add(again.letter.record_id)
        else:
            chosen.append(again)
    return chosen


def _version(again: _Again, stored: Newest) -> bytes | None:
    """Under which it goes out: above its own where that lies in the stream, as readers have seen it there."""
    letter = again.letter
    if letter.version is None or letter.reason == DEGRADED:
        return letter.version
    # A letter of what one primary refused has no place, though another one may have taken it.
    above, own = version_above(letter.version), again.id in stored.ids
    lies = letter.offset >= 0 or stored.version == (above if own else letter.version)
    return above if lies else letter.version


def _upsert_key(letter: DeadLetter) -> bytes | None:
    """Of whose versions it may be one; None for an append."""
    # A version may be among the headers that the letter did not keep.
    return letter.key if letter.version is not None or letter.headers_left_out else None


def _outdated(again: _Again, stored: Newest, among_letters: bytes) -> str:
    """Why it must not be sent behind what there is of its key; empty: it can."""
    version = again.version or b""
    # The same under its own id is a replay before, which may have reached too few primaries.
    own = not stored.ids or again.id in stored.ids
    if stored.version > version or (stored.version == version and not own):
        if again.letter.version is None:
            return "its letter kept no version, and its key has one in the stream"
        return "a newer version of its key has been written"
    if among_letters > version:
        # Under way at once they might be written in any order.
        return "another letter has a newer version of its key"
    return ""


def _send(producer: PrismProducer, again: _Again, result: Replayed) -> None:
    letter = again.letter

    def done(delivery: Delivery) -> None:
        if delivery.error is None:
            result.sent.append(letter.record_id)
            if letter.headers_left_out:
                result.incomplete[letter.stream] += 1
        else:
            result.failed[letter.record_id] = delivery.error.message

    producer.send(
        again.value,
        key=letter.key,
        id=again.id,
        timestamp_ms=None if letter.reason == _LATE else letter.timestamp_ms,
        headers=_headers(again),
        on_done=done,
    )


def _headers(again: _Again) -> list[tuple[str, bytes | None]]:
    letter = again.letter
    headers = [(name, each) for name, each in letter.headers if name not in _NOT_SENT]
    if again.version == letter.version:
        return headers
    above = (record_headers.VERSION, again.version)
    return [*(each for each in headers if each[0] != record_headers.VERSION), above]


def _why_not(letter: DeadLetter, value: bytes | None) -> str:
    """Why it cannot be replayed with that value; empty: it can."""
    if letter.reason == LOST:
        # Mended or not: what would be sent was never one of them.
        return "it tells of a range of records that is gone; there is none to send"
    if letter.key_length > len(letter.key or b""):
        # Mended or not: with another key it is another record, and for upserts one of another row.
        return f"only {len(letter.key or b'')} of the {letter.key_length} bytes of its key are kept"
    if value is None and letter.value is None:
        return "it has no value, or none could be made of it; give a mended one"
    if value is None:
        kept = f"only {len(letter.value or b'')} of its {letter.value_length} bytes are kept"
        return f"{kept}; give {'all of them' if letter.reason == DEGRADED else 'a mended value'}"
    if letter.reason != DEGRADED:
        return ""
    # Under one id there must not be two different records: which of them counts would be left to chance.
    if hashlib.sha256(value).digest() != letter.value_sha256:
        return "it lies in its stream with another value, and a copy has to be the same"
    if letter.headers_left_out:
        return "it lies in its stream with more headers than the letter kept, and a copy has to be the same"
    return ""
