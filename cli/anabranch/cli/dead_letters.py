"""``anabranch dead-letters``: what could not go through, shown and replayed."""

from __future__ import annotations

import base64
import binascii
import json
import string
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from anabranch.cli.away_lines import AwayLines
from anabranch.cli.stream_options import as_text, emit_json, topology_option, with_bytes
from anabranch.errors import ConfigurationError, DeliveryError, UnavailableError

if TYPE_CHECKING:
    from anabranch.connectors.dead_letters import DeadLetter, Letters
    from anabranch.connectors.ids import RecordId
    from anabranch.connectors.readers import UnionReader

__all__ = ["command"]

# Most streams of upserts are read sooner, and then nothing needs to be said.
_PROGRESS_S = 5.0

# Nothing is to be done about them, and there may be thousands.
_OUTDATED_NAMED = 5

_MENDED_HINT = 'each line is {"record_id": HEX, "value": TEXT} or has "value_base64" for the value'

_NONE: Mapping[RecordId, bytes] = {}

_F = TypeVar("_F", bound=Callable[..., Any])


@click.group("dead-letters")
def command() -> None:
    """Shows and replays what could not be decoded, was too large, was lost to retention, or lacks copies."""


def _hex(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not value or not set(value.lower()) <= set(string.hexdigits):
            raise click.BadParameter(f"{value!r} is not hexadecimal; `show` prints the ids")
    return values


def _choice(function: _F) -> _F:
    """The options that say which letters."""
    for option in (
        click.option(
            "--id",
            "ids",
            multiple=True,
            metavar="HEX",
            callback=_hex,
            help="Only letters whose id begins so.",
        ),
        click.option("--job", help="Only letters that this job set aside."),
        click.option("--reason", help="Only letters of this reason."),
        click.option("--of", "of_stream", metavar="STREAM", help="Only letters about this stream."),
        click.option("--stream", default="dead-letters", show_default=True, help="Where the letters are."),
        topology_option,
    ):
        function = option(function)
    return function


@command.command("show")
@_choice
@click.option("--limit", type=click.IntRange(min=1), help="Only so many, the newest.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the whole value.")
def _show(
    topology: str,
    stream: str,
    of_stream: str | None,
    reason: str | None,
    job: str | None,
    ids: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """Print letters, oldest first.

    What --json prints can be edited and given to `replay --mended`.
    """
    found = _read(topology, stream)
    letters = _chosen(found.letters, of_stream, reason, job, ids)
    if limit is not None:
        letters = letters[-limit:]
    if as_json:
        for letter in letters:
            emit_json(_fields(letter))
    else:
        _print_letters(letters)
        click.echo(_counted(letters))
    _check_all_read(found.problems, "bring it back, and show them again")


@command.command("replay")
@_choice
@click.option("--all", "everything", is_flag=True, help="Replay all letters; else some choice must be given.")
@click.option(
    "--mended",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help='Values to send instead: lines of {"record_id": HEX, "value": TEXT} (or "value_base64"). Only the '
    "letters that it names are replayed, unless others are chosen.",
)
@click.option(
    "--number",
    type=click.IntRange(min=1, max=2**31 - 1),  # four bytes of the id are made of it
    default=1,
    show_default=True,
    help="Of the replay. The same number again counts once; to replay a letter anew, take the next.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would be replayed.")
def _replay_letters(
    topology: str,
    stream: str,
    of_stream: str | None,
    reason: str | None,
    job: str | None,
    ids: tuple[str, ...],
    everything: bool,
    mended: Path | None,
    number: int,
    dry_run: bool,
) -> None:
    """Send records again. They go under ids that pass dedup once; those that lack copies under their own.

    Unmended ones are for a job that goes on from its state: one that was mended and starts anew reads the
    originals, too, and counts both. Of those that lack copies it counts one. Before upserts are sent, their
    stream is read: one of whose key a newer version has been written is left out. Let nobody write the same
    keys meanwhile.
    """
    chosen = bool(everything or of_stream or reason or job or ids)
    if not chosen and mended is None:
        raise click.UsageError("choose letters (--id, --of, --reason, --job), or all of them with --all")
    values = _mended_values(mended) if mended is not None else {}
    found = _read(topology, stream)
    letters = _chosen(found.letters, of_stream, reason, job, ids)
    if not chosen:
        letters = [letter for letter in letters if letter.record_id in values]
    _check_found(values, letters)
    letters = _without_ranges(letters)
    if not letters:
        click.echo("no letter matches: nothing to replay")
    elif dry_run:
        _print_letters(letters, values)
        upserts = any(letter.version is not None for letter in letters)
        still = "; of upserts what is still the newest of its key" if upserts else ""
        click.echo(f"{_counted(letters)} would be replayed, as replay {number}{still}")
    else:
        _send(topology, stream, letters, number, values)
    _check_all_read(found.problems, "bring it back, and replay again: what was replayed counts once")


def _without_ranges(letters: list[DeadLetter]) -> list[DeadLetter]:
    """Those of records: nothing is left to do about a range that is gone."""
    from anabranch.connectors.dead_letters import LOST

    left = [letter for letter in letters if letter.reason != LOST]
    if gone := len(letters) - len(left):
        said = "letter tells of a range" if gone == 1 else "letters tell of ranges"
        click.echo(
            f"left out: {gone} {said} of records that are gone, of which there is none to send", err=True
        )
    return left


def _send(
    topology: str, stream: str, letters: list[DeadLetter], number: int, mended: Mapping[RecordId, bytes]
) -> None:
    from anabranch.connectors.replay import replay

    result = replay(topology, letters, number=number, mended=mended, meanwhile=_Progress().tell)
    click.echo(f"{len(result.sent)} of {len(letters)} replayed, as replay {number}")
    for name, count in result.incomplete.items():
        noun = "record lacks" if count == 1 else "records lack"
        click.echo(f"{name}: {count} {noun} headers that the letters did not keep", err=True)
    outdated = [record_id for record_id in result.skipped if record_id in result.outdated]
    unnamed = set(outdated[_OUTDATED_NAMED:])
    for kind, reasons in (("skipped", result.skipped), ("failed", result.failed)):
        for record_id, why in reasons.items():
            if record_id not in unnamed:
                click.echo(f"{kind} {record_id.hex()}: {why}", err=True)
    if unnamed:
        click.echo(f"… and {len(unnamed)} more skipped, of whose key there is a newer version", err=True)
    # To mend what is outdated would be of no use.
    if left := len(result.failed) + len(result.skipped) - len(result.outdated):
        raise DeliveryError(
            f"{left} letters were not replayed",
            where=f"stream {stream}",
            hint="mend them (show --json, edit, replay --mended FILE) and replay those",
        )


class _Progress:
    """What is said while streams are read for versions."""

    def __init__(self) -> None:
        self._told = time.monotonic()
        self._away = AwayLines()

    def tell(self, reader: UnionReader, records: int) -> None:
        """To be called a few times a second."""
        self._away.tell(reader)
        if time.monotonic() - self._told >= _PROGRESS_S:
            self._told = time.monotonic()
            click.echo(f"{reader.stream}: {records} records read for newer versions", err=True)


def _read(topology: str, stream: str) -> Letters:
    from anabranch.connectors.dead_letters import read_dead_letters

    found = read_dead_letters(topology, stream, meanwhile=AwayLines().tell)
    for name, problem in found.problems.items():
        click.echo(f"primary {name} cannot be read, there may be more letters: {problem}", err=True)
    if found.strangers:
        click.echo(f"{found.strangers} records of '{stream}' are no dead letters", err=True)
    return found


def _check_all_read(problems: Mapping[str, str], hint: str) -> None:
    """Ends with an error where a primary was not read: whoever counts on the exit code takes this for all."""
    if problems:
        which = ", ".join(problems)
        raise UnavailableError(f"not every primary was read, so letters may be missing: {which}", hint=hint)


def _chosen(
    letters: list[DeadLetter],
    of_stream: str | None,
    reason: str | None,
    job: str | None,
    ids: tuple[str, ...],
) -> list[DeadLetter]:
    for option, field, wanted in (
        ("of", "stream", of_stream),
        ("reason", "reason", reason),
        ("job", "job", job),
    ):
        values = {getattr(letter, field) for letter in letters}
        if wanted is not None and values and wanted not in values:
            listed = ", ".join(sorted(values - {""})) or "none"
            click.echo(f"no letter has {wanted!r} as its --{option}; there are: {listed}", err=True)
    prefixes = tuple(each.lower() for each in ids)
    return [
        letter
        for letter in letters
        if (of_stream is None or letter.stream == of_stream)
        and (reason is None or letter.reason == reason)
        and (job is None or letter.job == job)
        and (not prefixes or letter.record_id.hex().startswith(prefixes))
    ]


def _print_letters(letters: list[DeadLetter], mended: Mapping[RecordId, bytes] = _NONE) -> None:
    """With what is sent in place of a value, where there is such."""
    for letter in letters:
        when = datetime.fromtimestamp(letter.occurred_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
        size = f"{letter.value_length} bytes"
        click.echo(f"{letter.record_id.hex()}  {when}  {letter.reason}  {_place(letter)}  {size}")
        click.echo(f"    {as_text(letter.detail.encode(), 1000)}")
        value = mended.get(letter.record_id)
        if value is None:
            click.echo(f"    {as_text(letter.value or _row(letter), 100)}")
        else:
            click.echo(f"    mended: {as_text(value, 100)}")


def _counted(letters: list[DeadLetter]) -> str:
    return "1 letter" if len(letters) == 1 else f"{len(letters)} letters"


def _place(letter: DeadLetter) -> str:
    from anabranch.connectors.dead_letters import DEGRADED

    if not letter.primary:
        return f"for {letter.stream}, never written"
    if letter.reason == DEGRADED:
        return f"in {letter.stream}, on too few primaries"
    return f"{letter.primary}/{letter.topic}-{letter.partition}@{letter.offset}"


def _row(letter: DeadLetter) -> bytes | None:
    """Text of a row of which no bytes could be made."""
    from anabranch.connectors import record_headers

    return dict(letter.headers).get(record_headers.REFUSED_ROW)


def _fields(letter: DeadLetter) -> dict[str, Any]:
    return {
        "record_id": letter.record_id.hex(),
        "reason": letter.reason,
        "detail": letter.detail,
        "stream": letter.stream,
        "primary": letter.primary,
        "cluster_id": letter.cluster_id,
        "topic": letter.topic,
        "topic_id": letter.topic_id,
        "partition": letter.partition,
        "offset": letter.offset,
        "timestamp_ms": letter.timestamp_ms,
        "occurred_ms": letter.occurred_ms,
        "job": letter.job,
        "headers": [{"name": name, **with_bytes("value", value)} for name, value in letter.headers],
        "value_length": letter.value_length,
        "value_sha256": letter.value_sha256.hex(),
        "complete": letter.complete,
        **with_bytes("key", letter.key),
        **with_bytes("value", letter.value),
    }


def _mended_values(path: Path) -> dict[RecordId, bytes]:
    from anabranch.connectors.ids import RecordId

    values = {}
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            fields = json.loads(line)
            record_id = RecordId(bytes.fromhex(fields["record_id"]))
            if "value_base64" in fields:
                values[record_id] = base64.b64decode(fields["value_base64"].encode(), validate=True)
            else:
                values[record_id] = fields["value"].encode()
        except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
            raise ConfigurationError(
                f"this is no mended letter: {_why_not(error)}",
                where=f"{path}:{number}",
                hint=_MENDED_HINT,
            ) from error
    return values


def _why_not(error: Exception) -> str:
    match error:
        case KeyError(args=(name,)):
            return f"it has no {name!r}"
        case json.JSONDecodeError():
            return f"it is no JSON: {error}"
        case UnicodeError():
            return "its value is no text"
        case binascii.Error():
            return f"its value_base64 is none: {error}"
        case ValueError():
            return f"its record_id is none: {error}"
        case _:
            return "it is no object, or a field of it is no text"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigurationError(
            f"the mended letters cannot be read: {reason}", where=str(path), hint=_MENDED_HINT
        ) from error


def _check_found(values: dict[RecordId, bytes], letters: list[DeadLetter]) -> None:
    missing = set(values) - {letter.record_id for letter in letters}
    if missing:
        raise ConfigurationError(
            f"{len(missing)} of the mended records are no letters here, such as {min(missing).hex()}",
            hint="show --json tells the ids; a choice (--id, --of, …) may leave them out",
        )
