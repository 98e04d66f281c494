"""Why a process died at its start, told from its log in one or two lines."""

from __future__ import annotations

import re
from pathlib import Path

from anabranch.devkit.ports import PortTakenError
from anabranch.devkit.state import name_option
from anabranch.errors import EnvironmentMissingError

__all__ = ["diagnose", "in_use", "reason_in"]

# As a JVM, Python and Node say it.
_TAKEN = ("BindException", "Address already in use", "EADDRINUSE")
# What to look for in a JVM's log, and what it means to a person.
_SIGNS = (
    ("No space left on device", "the disk is full", "make room, or point XDG_STATE_HOME at another disk"),
    (
        "Could not reserve enough space",
        "there is not enough memory for its JVM",
        "end something else, or start fewer primaries",
    ),
    ("There is insufficient memory", "there is not enough memory for its JVM", "end something else"),
)


def diagnose(
    what: str, text: str, *, log: Path, data: Path, ports: list[int], code: int | None
) -> EnvironmentMissingError:
    """The error that says why.

    Args:
        what: Names the process, as in ``broker a``.
        text: What it logged since its start.
        log: Where that is.
        data: The folder that no other process may use.
        ports: Where it was to listen.
        code: Its exit code, if known.
    """
    option = name_option(data)
    if any(sign in text for sign in _TAKEN):
        named = [port for port in ports if re.search(rf"\b{port}\b", _lines_with(text, "bind"))]
        taken = ", ".join(str(port) for port in named or ports)
        return PortTakenError(
            f"{what} cannot start: port {taken} is taken by another program",
            where=str(log),
            hint=f"end that program (ss -ltnp | grep {(named or ports)[0]} names it), then restart",
        )
    if "Failed to acquire lock on file" in text:
        return in_use(what, data)
    if "No readable meta.properties" in text:
        return EnvironmentMissingError(
            f"{what} cannot start: its data is gone",
            where=str(data),
            hint=f"anabranch dev wipe {data.parent.name}{option} --yes starts it empty, as a new cluster",
        )
    for sign, meaning, hint in _SIGNS:
        if sign in text:
            return EnvironmentMissingError(f"{what} cannot start: {meaning}", where=str(log), hint=hint)
    ended = f" with code {code}" if code is not None else ""
    reason = reason_in(text.splitlines())
    return EnvironmentMissingError(
        f"{what} died at its start{ended}: {reason}", where=str(log), hint="the log there says more"
    )


def in_use(what: str, data: Path) -> EnvironmentMissingError:
    """The error of a process whose data another one holds."""
    return EnvironmentMissingError(
        f"{what} cannot start: another broker runs on its data",
        where=str(data),
        hint=f"end that broker (anabranch dev down{name_option(data)}, or kill its pid), then try again",
    )


def reason_in(lines: list[str]) -> str:
    """The line that says what went wrong: the innermost exception, else the last line."""
    told = [line for line in lines if "Exception" in line and not line.lstrip().startswith(("at ", "..."))]
    causes = [line for line in told if line.startswith("Caused by: ")]
    return (causes or told or lines or ["it said nothing"])[-1].strip().removeprefix("Caused by: ")[:400]


def _lines_with(text: str, word: str) -> str:
    return "\n".join(line for line in text.splitlines() if word in line.lower())
