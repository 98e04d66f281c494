"""Reading traces: which of its many lines a person needs."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from anabranch.connectors.flink.java_errors import JavaCause
from anabranch.pipelines.places import is_user_file, shown
from anabranch.topology.store import public_text

__all__ = ["save_trace", "short_causes", "user_frame"]

_FRAME = re.compile(r'File "([^"]+)", line (\d+)')
# Python within the JVM (thread mode) has its frames among Java's: path without suffix, function, file and
# line, as in ``at /home/u/job.score(job.py:17)``; the innermost is the first.
_EMBEDDED = re.compile(r"^\s*at (/.*)/[^/]*\(([^():/]+\.py):(\d+)\)$", re.MULTILINE)
_EMBEDDED_CLASS = re.compile(r"^<class '(?:[^']*\.)?([^'.]+)'>(?=: |$)")
# Before a message that the cause has, too.
_STEP = re.compile(r"^SQL (?:parse|validation) failed\. ")
# What wraps a cause and adds nothing to it.
_WRAPPERS = frozenset(
    {
        "CompletionException",
        "ExecutionException",
        "FlinkException",
        "FlinkRuntimeException",
        "JobException",
        "JobExecutionException",
        "JobInitializationException",
        "ProgramInvocationException",
        "PythonException",
        "RuntimeException",
        "UndeclaredThrowableException",
        "WrappingRuntimeException",
    }
)
# Nobody has named it; tables of a job are known by their own names.
_CATALOG = "default_catalog.default_database."
_MAX_CAUSES = 4
_MAX_LINES = 6  # of one message: one screen in all


def user_frame(text: str) -> str | None:
    """``file:line`` of the innermost frame of user code in a trace of Python or of Java, wherever in it."""
    frames = [(name, int(line)) for name, line in _FRAME.findall(text) if is_user_file(name)]
    if frames:
        return shown(*frames[-1])
    # The cause comes last, and its own frames innermost first.
    for part in reversed(text.split("Caused by: ")):
        for folder, name, line in _EMBEDDED.findall(part):
            if is_user_file(f"{folder}/{name}"):
                return shown(f"{folder}/{name}", int(line))
    return None


def short_causes(causes: Sequence[JavaCause]) -> list[str]:
    """The causes that say something new, innermost first, each in a few lines."""
    shortened: list[str] = []
    for cause in reversed(causes):
        message = _STEP.sub("", _without_traceback(cause.message))
        text = _first_lines(_EMBEDDED_CLASS.sub(r"\1", message))
        repeats = any(text and text in other for other in shortened)
        empty = not text or (cause.type in _WRAPPERS and shortened)
        if repeats or empty:
            continue
        kind = cause.type.rpartition("$")[2]
        shortened.append(text if cause.type in _WRAPPERS or not kind else f"{kind}: {text}")
        if len(shortened) == _MAX_CAUSES:
            break
    return shortened


def save_trace(folder: Path, text: str) -> Path:
    """Writes a full trace to a new file and returns its path; Flink's hold the topology's URL."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{time.monotonic_ns() % 1_000_000:06d}.txt"
    path.write_text(public_text(text), encoding="utf-8")
    return path


def _without_traceback(message: str) -> str:
    """A Python error within a Java message: its last line says what happened."""
    head, mark, tail = message.partition("Traceback (most recent call last):")
    if not mark:
        return message
    told = [line for line in tail.splitlines() if line and not line.startswith((" ", "\t"))]
    return told[-1] if told else head


def _first_lines(message: str) -> str:
    lines = [
        line.rstrip()
        for line in public_text(message).replace(_CATALOG, "").strip().splitlines()
        if line.strip()
    ]
    if len(lines) > _MAX_LINES:
        lines = [*lines[:_MAX_LINES], f"… {len(lines) - _MAX_LINES} more lines"]
    return "\n    ".join(lines)
