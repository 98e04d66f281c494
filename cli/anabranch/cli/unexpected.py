"""What is said of an exception that nobody foresaw: one screen, and the full trace in a file."""

from __future__ import annotations

import os
import traceback
from pathlib import Path

import click

__all__ = ["EXIT_CODE", "tell"]

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h: neither the user's mistake (2) nor a failure that has a text of its own (1)."""

_MAX_LINES = 6
_MAX_CHARACTERS = 300


def tell(error: Exception) -> None:
    """Prints type, message, line and the file with the trace; with ``ANABRANCH_DEBUG=1`` the trace, too."""
    from anabranch.topology.store import public_text

    trace = public_text("".join(traceback.format_exception(error)))
    if os.environ.get("ANABRANCH_DEBUG") == "1":
        click.echo(trace, err=True, nl=False)
    where = _place(error, trace)
    message = _message(public_text(str(error)), type(error).__name__)
    click.echo(f"error: {where}: {message}" if where else f"error: {message}", err=True)
    click.echo(f"  full trace: {_saved(trace)}", err=True)
    click.echo("  next: please report this, with the trace (ANABRANCH_DEBUG=1 shows it)", err=True)


def _message(text: str, kind: str) -> str:
    told = [line[:_MAX_CHARACTERS] for line in text.splitlines() if line.strip()][:_MAX_LINES]
    return "\n    ".join([f"{kind}: {told[0]}" if told else kind, *told[1:]])


def _place(error: Exception, trace: str) -> str | None:
    """The innermost line of the user's or, without one, of anabranch."""
    from anabranch.pipelines.places import is_user_file, shown
    from anabranch.pipelines.traces import user_frame

    frames = traceback.extract_tb(error.__traceback__)
    own = [
        shown(frame.filename, frame.lineno or 0)
        for frame in frames
        if "anabranch" in Path(frame.filename).parts and not is_user_file(frame.filename)
    ]
    return user_frame(trace) or (own[-1] if own else None)


def _saved(trace: str) -> str:
    """Path of the file, below the folder of all state of this user."""
    from anabranch.pipelines.traces import save_trace

    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    try:
        return str(save_trace(Path(home) / "anabranch" / "traces", trace))
    except OSError as error:
        return f"not written ({error})"
