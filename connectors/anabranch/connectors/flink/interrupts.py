"""Ctrl-C and SIGTERM as something to look for at safe moments, not an exception in the middle of a call."""

from __future__ import annotations

import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupt", "Terminated", "held_interrupt", "raising_on_sigterm", "sigterm_left_to_us"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# `timeout` sends SIGTERM to its child and then to its group: twice to the child, and one wish.
_ONE_WISH_S = 1.0


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
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    seen_at = -math.inf

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal seen_at
        if time.monotonic() - seen_at > _ONE_WISH_S:
            seen_at = time.monotonic()
            raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        if before is not None:  # it is None of a handler that is not Python's
            signal.signal(signal.SIGTERM, before)


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
