"""Ctrl-C once is looked for, twice is an exception, and ignored stays ignored."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from anabranch.connectors.flink import interrupts
from anabranch.connectors.flink.interrupts import (
    Terminated,
    held_interrupt,
    raising_on_sigterm,
    raising_once,
    sigterm_left_to_us,
)


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


def test_sigterm_is_held_as_ctrl_c_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interrupts, "_ONE_WISH_S", 0)
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


def test_sigterm_to_a_process_and_to_its_group_raises_once() -> None:
    with raising_on_sigterm():
        with pytest.raises(Terminated):
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_comes_right_after_the_first_does_not_strike(number: signal.Signals) -> None:
    with raising_once():
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), number)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_ignores_ctrl_c_goes_on_ignoring_it() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with raising_once():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Terminated):
            os.kill(os.getpid(), signal.SIGTERM)


def test_ctrl_c_while_an_object_is_freed_strikes_after_that() -> None:
    class Freed: ...

    done: list[str] = []
    scope = {"strike": lambda: os.kill(os.getpid(), signal.SIGINT), "done": done}
    source = "freed = lambda _: (strike(), [0 for _ in range(9)], done.append('whole'))"
    exec(compile(source, "site-packages/py4j/java_gateway.py", "exec"), scope)  # as Python names it
    with raising_once():
        freed = Freed()
        known = weakref.ref(freed, scope["freed"])  # type: ignore[arg-type]
        del freed
        assert done == ["whole"]
        assert known() is None
        with pytest.raises(KeyboardInterrupt):
            time.sleep(5)


def test_sigterm_to_a_process_and_to_its_group_is_one_wish() -> None:
    with raising_on_sigterm(), held_interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert isinstance(interrupt.seen, Terminated)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_what_is_started_under_guard_outlives_sigterm_and_one_that_came_meanwhile_is_not_lost() -> None:
    ended = threading.Event()
    # The kernel gives a signal to any thread that takes it: this one does not run Python's handlers.
    other = threading.Thread(target=ended.wait)
    other.start()
    try:
        with raising_on_sigterm(), held_interrupt() as interrupt, sigterm_left_to_us():
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.1)
            guarded = subprocess.Popen(["sleep", "60"], preexec_fn=lambda: None)
        assert isinstance(interrupt.seen, Terminated)
    finally:
        ended.set()
        other.join()
    usual = subprocess.Popen(["sleep", "60"])
    try:
        for child in (guarded, usual):
            child.terminate()
        assert usual.wait(10) == -signal.SIGTERM
        assert guarded.poll() is None
    finally:
        guarded.kill()
        guarded.wait()
