"""Ctrl-C and SIGTERM as something to look for at safe moments, not an exception in the middle of a call."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupt", "Terminated", "held_interrupt", "raising_on_sigterm"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
    """Holds the first SIGINT or SIGTERM back within; a second one does what it did before.

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

    def hold(number: int, frame: FrameType | None) -> None:
        interrupt.seen = Terminated() if number == signal.SIGTERM else KeyboardInterrupt()
        put_back()

    def put_back() -> None:
        for number, do in held.items():
            signal.signal(number, do)

    for number in held:
        signal.signal(number, hold)
    try:
        yield interrupt
    finally:
        put_back()


@contextmanager
def raising_on_sigterm() -> Iterator[None]:
    """Makes SIGTERM raise :class:`Terminated` within, as SIGINT raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
