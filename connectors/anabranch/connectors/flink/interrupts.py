"""Ctrl-C and SIGTERM as something to look for at safe moments, not an exception in the middle of a call."""

from __future__ import annotations

import _thread
import math
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

__all__ = [
    "Interrupt",
    "Terminated",
    "held_interrupt",
    "ignore_interrupts",
    "raising_on_sigterm",
    "raising_once",
    "sigterm_left_to_us",
]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# `timeout` sends SIGTERM to its child and then to its group: twice to the child, and one wish.
_ONE_WISH_S = 1.0
# An object that is freed costs one answer of the JVM, less than a millisecond.
_AGAIN_AFTER_S = 0.02
_PY4J = os.path.join("py4j", "java_gateway.py")


class Terminated(KeyboardInterrupt):
    """SIGTERM came: by systemd, a container's end, ``timeout``. Whatever Ctrl-C would end, it ends."""


class Interrupt:
    """Whether Ctrl-C was pressed or SIGTERM came.

    Attributes:
        seen: The exception to raise for it; None as long as there is nothing.
    """

    def __init__(self) -> None:
        self.seen: KeyboardInterrupt | None = None


@contextmanager
def held_interrupt() -> Iterator[Interrupt]:
    """Holds the first SIGINT or SIGTERM back within; a later one does what it did before.

    Otherwise a job could be left behind: the exception may strike when the cluster has accepted it and its
    id is not known yet, or within a call to the JVM, which then answers the wrong question next time.
    Outside of the main thread, which alone gets signals, and of a signal that is ignored (SIGINT under
    ``nohup`` and a shell's ``&``), nothing changes.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    held = {number: do for number, do in before.items() if do not in (signal.SIG_IGN, None)}

    seen_at = 0.0

    def hold(number: int, frame: FrameType | None) -> None:
        nonlocal seen_at
        if interrupt.seen is None:
            interrupt.seen = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
            seen_at = time.monotonic()
        elif number != signal.SIGTERM or time.monotonic() - seen_at > _ONE_WISH_S:
            put_back()
            signal.raise_signal(number)

    def put_back() -> None:
        for number, do in held.items():
            signal.signal(number, do)

    try:
        for number in held:
            signal.signal(number, hold)
        yield interrupt
    finally:
        put_back()


@contextmanager
def raising_on_sigterm() -> Iterator[None]:
    """Makes SIGTERM raise :class:`Terminated` within, as SIGINT raises KeyboardInterrupt; once a second."""
    with _raising({signal.SIGTERM: Terminated}):
        yield


@contextmanager
def raising_once() -> Iterator[None]:
    """As above, and SIGINT likewise: what comes right after the first would strike while that is at work.

    ``timeout`` sends either signal twice, and so does an impatient hand. Only for what ends soon by itself.
    """
    with _raising({signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}):
        yield


@contextmanager
def _raising(kinds: Mapping[signal.Signals, type[KeyboardInterrupt]]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen_at = dict.fromkeys(kinds, -math.inf)

    def end(number: int, frame: FrameType | None) -> None:
        which = signal.Signals(number)
        if time.monotonic() - seen_at[which] <= _ONE_WISH_S:
            return
        if _is_swallowed_in(frame):
            # Not by `threading`, whose lock the code that was interrupted may hold.
            _thread.start_new_thread(_send_again, (number,))
            return
        seen_at[which] = time.monotonic()
        raise kinds[which]

    before = {number: signal.getsignal(number) for number in kinds}
    # Who starts a command ignoring SIGINT, as a shell's `&` does, wants it so; SIGTERM is meant for it.
    heard = [each for each, do in before.items() if each == signal.SIGTERM or do != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in heard:
            if before[number] is not None:  # it is None of a handler that is not Python's
                signal.signal(number, before[number])


def _send_again(number: int) -> None:
    time.sleep(_AGAIN_AFTER_S)
    os.kill(os.getpid(), number)


def ignore_interrupts() -> None:
    """SIGINT and SIGTERM do nothing any more: the process is about to end, and knows with which code."""
    if threading.current_thread() is threading.main_thread():
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _is_swallowed_in(frame: FrameType | None) -> bool:
    """Whether Py4J is telling the JVM of an object that is freed: Python only prints what is raised there."""
    while frame is not None:
        code = frame.f_code
        if code.co_name == "<lambda>" and code.co_filename.endswith(_PY4J):
            return True
        frame = frame.f_back
    return False


@contextmanager
def sigterm_left_to_us() -> Iterator[None]:
    """Has what this thread starts within ignore SIGTERM, if by a ``preexec_fn``, as PyFlink does.

    Who stops a service signals the whole process group: a JVM that ended with it could not cancel the job.
    This process itself goes on hearing the signal: if it ignored it meanwhile, so that a new process
    inherits that, one that comes meanwhile would be lost as soon as any other thread took it.
    """
    global _starting
    before, _starting = _starting, threading.get_ident()
    try:
        yield
    finally:
        _starting = before


def _ignore_sigterm_if_wanted() -> None:
    if _starting == threading.get_ident():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


_starting: int | None = None
# Python calls it in a forked child before `preexec_fn`; without one, Popen forks past it.
os.register_at_fork(after_in_child=_ignore_sigterm_if_wanted)
