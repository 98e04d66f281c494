"""Replays dead letters into the streams that they came from, mended or as they are."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from anabranch.connectors import record_headers
from anabranch.connectors.dead_letters import DEGRADED, DeadLetter
from anabranch.connectors.ids import MAX_REPLAY, RecordId
from anabranch.connectors.prism import Delivery, PrismProducer
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
        incomplete: Of each stream, how many of the records sent lack headers that their letters did not keep.
    """

    sent: list[RecordId] = field(default_factory=list)
    failed: dict[RecordId, str] = field(default_factory=dict)
    skipped: dict[RecordId, str] = field(default_factory=dict)
    incomplete: Counter[str] = field(default_factory=Counter)


def replay(
    topology: str | Topology,
    letters: Iterable[DeadLetter],
    *,
    number: int = 1,
    mended: Mapping[RecordId, bytes] | None = None,
) -> Replayed:
    """Sends letters' records again, each to its own stream.

    A record goes out under the id ``RecordId.replayed(original, number)``: dedup, which has seen the
    original, lets it through, but only once, however often the same replay is run. Key and
    further headers are the original's. So is the create time, except of a late letter: with the time that
    made it late it would be late again, so its record is sent as created now.

    The record of a ``degraded`` letter lies in its stream already. It goes out once more under its own id,
    whatever the number, so that it gets the copies that it lacks and is counted once.

    Args:
        topology: The document, or where it is.
        letters: What to replay.
        number: Of the replay; the next one of the same letters needs another number.
        mended: Values to send in place of the letters' own, by original id.

    Raises:
        ConfigurationError: ``number`` is not in 1..2^31-1.
        DeliveryError: No primary takes records.
    """
    if not 1 <= number <= MAX_REPLAY:
        raise ConfigurationError(f"a replay has a number in 1..{MAX_REPLAY}, not {number}")
    values = mended or {}
    result = Replayed()
    producers: dict[str, PrismProducer] = {}
    try:
        for letter in letters:
            value = values.get(letter.record_id, letter.value if letter.complete else None)
            why_not = _why_not(letter, value)
            if value is None or why_not:
                result.skipped[letter.record_id] = why_not
                continue
            if letter.stream not in producers:
                producers[letter.stream] = PrismProducer(topology, letter.stream)
            _send(producers[letter.stream], letter, value, number, result)
    finally:
        for producer in producers.values():
            producer.close()
    return result


def _send(producer: PrismProducer, letter: DeadLetter, value: bytes, number: int, result: Replayed) -> None:
    def done(delivery: Delivery) -> None:
        if delivery.error is None:
            result.sent.append(letter.record_id)
            if letter.headers_left_out:
                result.incomplete[letter.stream] += 1
        else:
            result.failed[letter.record_id] = delivery.error.message

    producer.send(
        value,
        key=letter.key,
        id=letter.record_id if letter.reason == DEGRADED else RecordId.replayed(letter.record_id, number),
        timestamp_ms=None if letter.reason == _LATE else letter.timestamp_ms,
        headers=[(name, each) for name, each in letter.headers if name not in _NOT_SENT],
        on_done=done,
    )


def _why_not(letter: DeadLetter, value: bytes | None) -> str:
    """Why it cannot be replayed with that value; empty: it can."""
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
