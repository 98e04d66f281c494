"""From what the JVM throws to one error that names the user's line and the next step."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.connectors.flink.java_errors import causes_in_trace, java_trace
from anabranch.errors import (
    AnabranchError,
    ConfigurationError,
    EnvironmentMissingError,
    JobError,
    UnavailableError,
)
from anabranch.pipelines.failing import BAD_RECORD, lacks_state
from anabranch.pipelines.traces import save_trace, short_causes, user_frame
from anabranch.topology.rules import did_you_mean

if TYPE_CHECKING:
    from anabranch.pipelines.table import Write

__all__ = ["is_forgotten", "job_error", "known_hint", "told_at", "told_at_write"]

_FORGOTTEN = "FlinkJobNotFoundException"

# What a trace holds -> (kind of error, hint). The first that fits.
_KNOWN: tuple[tuple[str, type[AnabranchError], str], ...] = (
    (
        BAD_RECORD,
        JobError,
        "put such records aside by --dead-letters STREAM (`dead_letters:` in job.yaml), or give the record "
        "class that is read the fields that fit; docs/jobs.md tells which text a datetime is",
    ),
    (
        "NoResourceAvailableException",
        UnavailableError,
        "the cluster has too few free slots: lower --parallelism, or add TaskManagers",
    ),
    (
        "Could not find a file system implementation",
        EnvironmentMissingError,
        "the Flink that runs it lacks the plugin of that file system: abfss: needs azure-blob-fs in its "
        "plugins/ (docs/azure.md); or give another place",
    ),
    (
        "BindException",
        EnvironmentMissingError,
        "another program has the port: stop it, or set another one under `flink:` in job.yaml",
    ),
    (
        "_LOG: File name too long",
        ConfigurationError,
        "RocksDB's log is named by the whole path of its data: set a shorter state.backend.rocksdb.localdir, "
        "under `flink:` in job.yaml or in the cluster's config.yaml",
    ),
    (
        "Could not find any factory for identifier",
        EnvironmentMissingError,
        "a connector or format is missing on the class path: run `make setup`; on a cluster its lib/ needs "
        "the jars of anabranch too",
    ),
    (
        "ClassNotFoundException: dev.anabranch",
        EnvironmentMissingError,
        "the cluster lacks anabranch's jars: put them into Flink's lib/ and restart it",
    ),
    (
        "Failed to rollback to checkpoint/savepoint",
        JobError,
        "the job has changed since: restore an older version of it, or set "
        "execution.state-recovery.ignore-unclaimed-state",
    ),
    (
        "Cannot find checkpoint or savepoint",
        ConfigurationError,
        "give --restore a folder that the cluster can read and that holds _metadata",
    ),
    (
        "cannot read topology",
        UnavailableError,
        "is its publisher up, and the location right where Flink runs? "
        "`anabranch topology show LOCATION` asks it from here",
    ),
    (
        "; nothing is sent: ",
        UnavailableError,
        "the topology's publisher must answer where Flink runs, or max-stale be raised; --restore goes on "
        "from the last checkpoint",
    ),
    (
        " copies are wanted",
        UnavailableError,
        "bring back a primary that is not in use, or lower the stream's 'copies' in the topology document; "
        "--restore goes on from the last checkpoint. Where 'copies' stay, degrade-after lets rows do with "
        "fewer (docs/prism.md); where they become 1, take it out",
    ),
    (
        "UnreachablePrimariesException",
        UnavailableError,
        "bring the primaries that the message names back, or raise scan.bounded.deadline under `inputs:` in "
        "job.yaml; mark those that are gone for good as removed in the topology",
    ),
    (
        "DeliveryException",
        UnavailableError,
        "bring back one of the primaries that the message names; --restore goes on from the last checkpoint",
    ),
    (
        _FORGOTTEN,
        UnavailableError,
        "the cluster was started anew and has the job no more: run it again, from a checkpoint by --restore",
    ),
    (
        "Exceeded checkpoint tolerable failure threshold",
        UnavailableError,
        "has the folder of checkpoints room, and may Flink write there? Its log says what failed",
    ),
    (
        "Could not submit job",
        UnavailableError,
        "is Flink running there? `anabranch dev status` shows the local one",
    ),
    (
        "Non-query expression",
        JobError,
        "only a query can stand there: SELECT, WITH or VALUES; is its first word misspelt?",
    ),
    (
        "has an upsert key that differs from the primary key",
        JobError,
        "let key= of that write name the columns that the query is unique by, its upsert key, or make it "
        "unique by those of key=; where each row is to be kept, append: ids= instead of key=",
    ),
    (
        "Unable to create a s",
        JobError,
        "mend or leave out the option that the first lines name; docs/sql.md lists all",
    ),
    ("SQL parse failed", JobError, "mend the SQL of that line at the place which the message names"),
    (
        "Column types of query result and sink",
        JobError,
        "let the query and the record class that is written agree: CAST in the query, or change the field",
    ),
    (
        "SQL validation failed",
        JobError,
        "mend the query of that line; the columns of what it reads are the fields of the record class",
    ),
)

_LOST_STATE = (
    "restore another checkpoint or savepoint of the job: this one lacks the file that the message names"
)
_NEXT = re.compile(r"\n\s+next: .*| This can lead to non-deterministic results.* ON CONFLICT .*")
_UNSUPPORTED = re.compile(r"Unsupported options:\n\n(\S+)\n[\s\S]*?Supported options:\n\n((?:\S+\n)+)")
_MEND = "mend that line; the full trace shows the calls that led to it"
_LOOK = "the full trace has all causes, and Flink's log what came before; --restore goes on from a checkpoint"


def job_error(error: BaseException | str, folder: Path, *, where: str | None = None) -> AnabranchError:
    """What to raise in place of an exception of the JVM or of user code.

    Args:
        error: The exception, or a printed Java trace (as the cluster's REST API gives).
        folder: Where the full trace goes.
        where: Line of the job that it belongs to, if the trace does not tell a better one.
    """
    if isinstance(error, AnabranchError):
        return error
    trace = error if isinstance(error, str) else java_trace(error)
    full = error if isinstance(error, str) else "".join(traceback.format_exception(error))
    kept = _kept(folder, full if trace is None or trace in full else f"{full}\n{trace}")
    line = user_frame(full if trace is None else trace)
    if trace is None:
        told = [f"{type(error).__name__}: {error}"]
    else:
        told = short_causes(causes_in_trace(trace)) or [trace.splitlines()[0]]
    place = line or where or user_frame(full)
    known = _known(full)
    if known is not None:
        # What the JVM says to do next is for those who write SQL.
        told = [_NEXT.sub("", cause) for cause in told]
    kind, hint = known or (JobError, _LOOK if line is None else _MEND)
    hint = f"{_close_option(full)} {hint}".lstrip()
    message = told[0] + "".join(f"\n  in: {cause}" for cause in told[1:])
    return kind(f"{message}\n  full trace: {kept}", where=place, hint=hint)


def _kept(folder: Path, text: str) -> str:
    """Where the full trace is; a disk that is full must not hide what failed."""
    try:
        return str(save_trace(folder, text))
    except OSError as error:
        return f"not kept: {error}"


def is_forgotten(error: BaseException) -> bool:
    """Whether a cluster answers, and has no such job: it was started anew."""
    return _FORGOTTEN in (java_trace(error) or "")


def known_hint(trace: str) -> str | None:
    """What to do next, of a printed Java trace whose cause is known."""
    known = _known(trace)
    return None if known is None else known[1]


def _known(text: str) -> tuple[type[AnabranchError], str] | None:
    if lacks_state(text):
        return JobError, _LOST_STATE
    return next(((kind, hint) for mark, kind, hint in _KNOWN if mark in text), None)


def _close_option(text: str) -> str:
    """What an option was probably to be that neither connector nor format has."""
    found = _UNSUPPORTED.search(text)
    return did_you_mean(found[1], found[2].split()) if found else ""


@contextmanager
def told_at(where: str | Callable[[str], str | None] | None, folder: Path) -> Iterator[None]:
    """Turns whatever is raised within into an error that says where it belongs.

    Args:
        where: Line of the job, or what finds it in the text of the error.
        folder: Where the full trace goes.
    """
    try:
        yield
    except AnabranchError:
        raise
    except Exception as error:
        place = where(java_trace(error) or str(error)) if callable(where) else where
        raise job_error(error, folder, where=place) from None


def told_at_write(writes: Sequence[Write], folder: Path) -> AbstractContextManager[None]:
    """As :func:`told_at`, at the write whose table the error names: Flink plans all of them together."""

    def named(text: str) -> str | None:
        return next((write.where for write in writes if f".{write.name}'" in text), None)

    return told_at(named, folder)
