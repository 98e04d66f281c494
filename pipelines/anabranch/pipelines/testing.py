"""Testing jobs without brokers: records by hand, functions directly, whole jobs over small files.

Three sizes of test:

* A function that was given to :meth:`Job.function <anabranch.pipelines.Job.function>` is still a Python
  function: call it.
* :func:`record` makes a record with only the fields that the test is about.
* :func:`run_on_files` runs the whole job in this process on Flink in batch mode, which takes seconds,
  and gives what it wrote. :func:`load` finds the job of a folder.
"""

from __future__ import annotations

import json
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, fields, is_dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_type_hints

from anabranch.errors import ConfigurationError
from anabranch.pipelines.archive import Archive
from anabranch.pipelines.bindings import Read
from anabranch.pipelines.context import RunContext, current_context, running_in
from anabranch.pipelines.ddl import create_table
from anabranch.pipelines.loader import job_files, load_job
from anabranch.pipelines.records import Column
from anabranch.pipelines.running import run_until_end
from anabranch.pipelines.settings import Settings
from anabranch.pipelines.sql_types import unwrap
from anabranch.pipelines.table import Write

if TYPE_CHECKING:
    from anabranch.pipelines.job import Job

__all__ = ["Rows", "load", "record", "run_on_files"]

_R = TypeVar("_R")
Rows = Iterable[Any] | Path
"""Of one stream: dictionaries, records, or a file of JSON lines."""

_EMPTY: dict[object, Any] = {bool: False, int: 0, float: 0.0, str: "", bytes: b""}


def record(kind: type[_R], **values: Any) -> _R:
    """A record of which only the given fields matter; the others are null, empty or zero.

    Raises:
        ConfigurationError: A field without a default has a type that has no empty value.
    """
    hints = get_type_hints(kind)
    for field in fields(cast("Any", kind)):
        has_default = field.default is not MISSING or field.default_factory is not MISSING
        if field.name in values or has_default:
            continue
        core, optional, _ = unwrap(hints[field.name])
        if optional:
            values[field.name] = None
        elif core in _EMPTY:
            values[field.name] = _EMPTY[core]
        else:
            raise ConfigurationError(
                f"{field.name} has no empty value", where=kind.__name__, hint=f"give {field.name}=…"
            )
    return kind(**values)


def load(place: str | Path) -> Callable[[], Job]:
    """The job of a folder or file, for :func:`run_on_files`."""
    script, _ = job_files(Path(place))
    return lambda: load_job(script, current_context(), Path(tempfile.gettempdir()))


def run_on_files(
    describe: Callable[[], Job], inputs: Mapping[str, Rows], *, parallelism: int = 1
) -> dict[str, list[dict[str, Any]]]:
    """Runs a job over bounded inputs in this process and returns what it wrote.

    Args:
        describe: Makes the job, as :func:`load` does.
        inputs: Rows of each stream that is read: dictionaries, records, or a file of JSON lines.
            Metadata columns are given like fields. In JSON lines bytes are base64 and times as in
            ``2026-11-28 10:00:00Z``, for formats and options of the inputs do not apply. Files have no
            versions: of a stream that is read by ``latest_by`` give each key once.
        parallelism: More than 1 costs time in a small test.

    Returns:
        Of each stream that is written the final rows, in no order; nulls are left out.
    """
    with tempfile.TemporaryDirectory(prefix="anabranch-test-") as folder:
        files = _Files(Path(folder))
        settings = Settings(parallelism=parallelism)
        context = RunContext(settings, binding=lambda job: files, folder=files.folder / "job", batch=True)
        with running_in(context):
            job = describe()
        files.give(job, inputs)
        run_until_end(job, context, lambda event: None)
        return {write.stream: files.rows(write.stream) for write in job.writes}


class _Files:
    """A binding to folders of JSON lines."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inputs: dict[str, Path] = {}

    def source(self, read: Read) -> str:
        """Metadata columns are read like fields."""
        plain = [replace(column, metadata=None) for column in read.columns]
        options = {"connector": "filesystem", "path": str(self.inputs[read.stream]), "format": "json"}
        return create_table(read.name, plain, options)

    def sink(self, write: Write, columns: Sequence[Column]) -> str:
        """No primary key: in batch mode each row is final."""
        plain = [replace(column, metadata=None) for column in columns]
        options = {"connector": "filesystem", "path": str(self.output(write.stream)), "format": "json"}
        return create_table(write.name, plain, options)

    def archive(self, archive: Archive) -> None:
        """Files have no raw records."""

    def output(self, stream: str) -> Path:
        """Folder of what is written to a stream."""
        return self.folder / "out" / stream

    def give(self, job: Job, inputs: Mapping[str, Rows]) -> None:
        """Lays out the inputs; all streams that the job reads must be there."""
        missing = {read.stream for read in job.reads} - set(inputs)
        if missing:
            raise ConfigurationError(f"no rows are given of {', '.join(sorted(missing))}", where=job.name)
        for stream, rows in inputs.items():
            self.inputs[stream] = (
                rows if isinstance(rows, Path) else _write(self.folder / "in" / stream, rows)
            )

    def rows(self, stream: str) -> list[dict[str, Any]]:
        """What was written to a stream."""
        written = (path for path in sorted(self.output(stream).rglob("*")) if path.is_file())
        texts = (path.read_text(encoding="utf-8") for path in written if not path.name.startswith("."))
        return [json.loads(line) for text in texts for line in text.splitlines()]


def _write(path: Path, rows: Iterable[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            value = asdict(row) if is_dataclass(row) and not isinstance(row, type) else row
            file.write(json.dumps(value, default=_text) + "\n")
    return path


def _text(value: object) -> str:
    """As Flink's JSON has what JSON has not."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%fZ")
    if isinstance(value, date | Decimal):
        return str(value)
    raise TypeError(f"{value!r} is of no type that a record can have")
