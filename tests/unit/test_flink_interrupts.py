"""Ctrl-C once is looked for, twice is an exception, and ignored stays ignored."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from anabranch.connectors.flink.interrupts import Terminated, held_interrupt, raising_on_sigterm


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Python's own, also where the tests run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_the_first_is_held_and_the_second_raises() -> None:
    with held_interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert isinstance(interrupt.seen, KeyboardInterrupt)
        assert not isinstance(interrupt.seen, Terminated)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_the_handler_is_put_back_after_an_error() -> None:
    with pytest.raises(ValueError, match="x"), held_interrupt():
        raise ValueError("x")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_ignores_it_goes_on() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with held_interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.seen is None
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_other_threads_have_no_signals() -> None:
    def enter() -> object:
        with held_interrupt() as interrupt:
            return interrupt.seen

    with ThreadPoolExecutor() as pool:
        assert pool.submit(enter).result() is None


def test_sigterm_is_held_as_ctrl_c_is() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with raising_on_sigterm():
        with held_interrupt() as interrupt:
            os.kill(os.getpid(), signal.SIGTERM)
            assert isinstance(interrupt.seen, Terminated)
            with pytest.raises(Terminated):
                os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Terminated):
            os.kill(os.getpid(), signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_is_held_also_where_ctrl_c_is_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with held_interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGTERM)
        assert isinstance(interrupt.seen, Terminated)
