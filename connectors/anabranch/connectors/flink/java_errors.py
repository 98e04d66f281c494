"""From an exception that crossed from the JVM to the chain of its causes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["JavaCause", "causes_in_trace", "java_trace"]


@dataclass(frozen=True)
class JavaCause:
    """One link of a chain of causes.

    Attributes:
        type: Class name without its package.
        message: Its message, which may have many lines; empty if there is none.
    """

    type: str
    message: str


def java_trace(error: BaseException) -> str | None:
    """The Java stack trace behind a Python exception, or None if there is no JVM behind it."""
    from py4j.protocol import Py4JJavaError

    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, Py4JJavaError):
            return str(seen).partition("\n: ")[2] or str(seen)
        # PyFlink replaces some of them by a class of its own with the trace in a field.
        trace = getattr(seen, "stack_trace", None)
        if isinstance(trace, str):
            return trace
        seen = seen.__cause__ or seen.__context__
    return None


def causes_in_trace(trace: str) -> list[JavaCause]:
    """The chain of causes in a printed Java stack trace, outermost first.

    Lines of a message are kept together; frames (``at …``) and what Java elides are left out.
    """
    causes: list[JavaCause] = []
    lines: list[str] = []
    for line in [*trace.splitlines(), "Caused by: "]:
        stripped = line.strip()
        if line.startswith("Caused by: "):
            if lines:
                causes.append(_cause(lines))
            lines = [line.removeprefix("Caused by: ")]
        elif line.startswith(("\tat ", "\t... ", "\tSuppressed: ", "\t\t")) or _is_frame(stripped):
            continue
        elif lines or stripped:
            lines.append(line)
    return causes


def _is_frame(line: str) -> bool:
    return line.startswith("at ") and line.endswith(")")


def _cause(lines: list[str]) -> JavaCause:
    head, _, message = lines[0].partition(": ")
    name = head.strip()
    if " " in name or "." not in name:  # a message without a class in front
        return JavaCause(name if " " not in name and not message else "", "\n".join(lines).strip())
    return JavaCause(name.rpartition(".")[2], "\n".join([message, *lines[1:]]).strip())
