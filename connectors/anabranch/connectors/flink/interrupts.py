"""Ctrl-C as something to look for at safe moments, instead of an exception in the middle of a call."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupt", "held_interrupt"]


class Interrupt:
    """Whether Ctrl-C was pressed.

    Attributes:
        seen: It was.
    """

    def __init__(self) -> None:
        self.seen = False


@contextmanager
def held_interrupt() -> Iterator[Interrupt]:
    """Holds the first SIGINT back within; a second one raises KeyboardInterrupt as usual.

    Otherwise a job could be left behind: the exception may strike when the cluster has accepted it and its
    id is not known yet, or within a call to the JVM, which then answers the wrong question next time.
    Outside of the main thread, which alone gets signals, and where SIGINT is ignored (``nohup``, a shell's
    ``&``), nothing changes.
    """
    interrupt = Interrupt()
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or before in (signal.SIG_IGN, None):
        yield interrupt
        return

    def hold(number: int, frame: FrameType | None) -> None:
        interrupt.seen = True
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, hold)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
