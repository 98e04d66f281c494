"""Options of a job's inputs, looked at before Flink starts, which would name a line of the job."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from anabranch.errors import ConfigurationError
from anabranch.topology.rules import did_you_mean

if TYPE_CHECKING:
    from anabranch.pipelines.archive import Archive
    from anabranch.pipelines.bindings import Read

__all__ = ["KEYS", "VALUES", "check_inputs", "is_of_source", "wrong_option"]

# Options of the connector `union` (docs/sql.md); a test holds them against those in Java.
KEYS = frozenset(
    {
        "dead-letters",
        "dead-letters.max-block",
        "dead-letters.max-value-bytes",
        "dedup",
        "dedup.horizon",
        "discovery.interval",
        "format",
        "group-id",
        "key.fields",
        "key.format",
        "late-records",
        "latest-by-version",
        "max-value-bytes",
        "out-of-range",
        "scan.bounded.deadline",
        "scan.bounded.mode",
        "scan.bounded.primary",
        "scan.bounded.timestamp-millis",
        "scan.parallelism",
        "scan.startup.mode",
        "scan.startup.primary",
        "scan.startup.timestamp-millis",
        "stream",
        "testing.drop-share",
        "topology",
        "topology.interval",
        "value.fields-include",
        "watermark.delay",
        "watermark.hold.max",
        "watermark.idle-timeout",
        "watermark.mode",
    }
)
# As above: what those of them take that are words.
VALUES = {
    "out-of-range": ("reset", "park", "fail"),
    "scan.startup.mode": ("earliest", "latest", "timestamp", "group-offsets"),
    "scan.bounded.mode": ("unbounded", "latest", "timestamp", "group-offsets"),
}
# Of a declared watermark, which tables of jobs do not have.
_OF_WATERMARKS = ("watermark.", "late-records")
_NO_WATERMARK = (
    "windows over event time are written in SQL (docs/sql.md, A count a minute); in a job group by a time,"
    " as in FLOOR(t TO MINUTE), and write with key=: what comes late counts as well"
)
_OF_PRIMARIES = ("scan.startup.primary.", "scan.bounded.primary.")
# First words of the connector's own options that have several; none of them is a format.
_GROUPS = {key.partition(".")[0] for key in KEYS if "." in key} - {"key", "value"}


def check_inputs(
    reads: Sequence[Read],
    inputs: Mapping[str, str],
    sources: Mapping[str, str],
    archives: Sequence[Archive] = (),
) -> None:
    """Looks at what every input is given by settings, and each one by its line of the job.

    Args:
        reads: The job's inputs.
        inputs: From the settings.
        sources: Where each setting was written, by dotted name.
        archives: The job's, which decode nothing.

    Raises:
        ConfigurationError: There is no such option, or it has not such a value.
    """
    formats = {read.format for read in reads} | {inputs.get("format", "json")}
    for key, value in inputs.items():
        _check(key, value, formats, sources.get(f"inputs.{key}", "inputs"))
    for read in reads:
        for key, value in read.options.items():
            _check(key, value, {read.format}, read.where)
    for archive in archives:
        for key, value in archive.options.items():
            _check(key, value, (), archive.where)


def is_of_source(key: str) -> bool:
    """Whether it is an option of the connector itself, and of none of the formats."""
    return key in KEYS or key.startswith(_OF_PRIMARIES)


def wrong_option(key: str, value: str, formats: Iterable[str] | None) -> tuple[str, str] | None:
    """What is wrong with one option, and a hint; None: nothing.

    Args:
        key: The option.
        value: What it is set to.
        formats: Of the inputs, whose own options are Flink's to know; None as long as nobody knows them.
    """
    if key.startswith(_OF_WATERMARKS):
        return f"inputs of a job have no watermark: {key!r}", _NO_WATERMARK
    if key not in KEYS and not _is_free(key, formats):
        start = did_you_mean(key, {known for known in KEYS if not known.startswith(_OF_WATERMARKS)})
        return f"inputs have no option {key!r}", f"{start} docs/sql.md lists them, under Reading".lstrip()
    valid = VALUES.get(key, (value.lower(),))
    if value.lower() not in valid:
        otherwise = "choose one of them; docs/sql.md tells what each does"
        return f"{key} is none of {', '.join(valid)}: {value!r}", did_you_mean(value, valid) or otherwise
    return None


def _check(key: str, value: str, formats: Iterable[str], where: str) -> None:
    wrong = wrong_option(key, value, formats)
    if wrong is not None:
        raise ConfigurationError(wrong[0], where=where, hint=wrong[1])


def _is_free(key: str, formats: Iterable[str] | None) -> bool:
    """Whether it is an option of a format, which is Flink's to know, or of a primary."""
    if formats is None:
        first, dot, _ = key.partition(".")
        return bool(dot) and (key.startswith(_OF_PRIMARIES) or first not in _GROUPS)
    return key.startswith((*_OF_PRIMARIES, *(f"{name}." for name in formats), "key.", "value."))
