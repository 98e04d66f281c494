"""The start of the JVM: what it is given, and that Ctrl-C leaves no process, known or not yet."""

from __future__ import annotations

import atexit
import logging
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from anabranch.connectors.flink import gateway


@pytest.fixture(autouse=True)
def usual_handler() -> Iterator[None]:
    """Python's own, also where the tests run in a shell's background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_before_the_process_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyflink import java_gateway

    started: list[subprocess.Popen[bytes]] = []

    def interrupted_launch(*_: Any) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(["sleep", "60"])
        started.append(child)
        os.kill(os.getpid(), signal.SIGINT)
        return child

    monkeypatch.setenv("HADOOP_CLASSPATH", "")
    monkeypatch.setattr(gateway, "_process", None)
    monkeypatch.setattr(java_gateway, "_gateway", None)
    monkeypatch.setattr(java_gateway, "launch_gateway_server_process", interrupted_launch)
    with pytest.raises(KeyboardInterrupt):
        gateway.start_gateway([], None)
    assert started[0].wait(10) == -signal.SIGKILL
    assert gateway._process is None, "another may be started"
    assert gateway._is_no_interrupt in logging.getLogger().filters
    logging.getLogger().removeFilter(gateway._is_no_interrupt)


def test_the_jvm_keeps_what_passes_in_a_folder_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    flags: list[str] = []
    removed: list[Any] = []
    monkeypatch.setenv("HADOOP_CLASSPATH", "")
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-Dof.the=user")
    monkeypatch.setattr(gateway, "_process", None)
    monkeypatch.setattr(gateway, "_start", lambda: flags.extend(shlex.split(os.environ["JDK_JAVA_OPTIONS"])))
    monkeypatch.setattr(atexit, "register", lambda *call, **_: removed.append(call))
    gateway.start_gateway([], None, only_plans=True)
    scratch = Path(flags[0].removeprefix("-Djava.io.tmpdir="))
    assert scratch.is_dir()
    assert flags[-1] == "-Dof.the=user", "comes last, and wins"
    assert removed == [(shutil.rmtree, scratch)]
    scratch.rmdir()


def test_the_end_is_not_broken_by_ctrl_c_and_leaves_nobody_to_call(monkeypatch: pytest.MonkeyPatch) -> None:
    from pyflink import java_gateway

    class Client:
        is_connected = True

    class Gateway:
        _gateway_client = Client()

        def shutdown(self) -> None:
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGTERM)
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    monkeypatch.setattr(gateway, "_process", child)
    monkeypatch.setattr(java_gateway, "_gateway", Gateway())
    levels = {name: logging.getLogger(name).level for name in ("py4j", "py4j.java_gateway")}
    try:
        gateway._end()
        assert not logging.getLogger("py4j.java_gateway").isEnabledFor(logging.ERROR)
    finally:
        signal.signal(signal.SIGTERM, before)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert child.returncode == 0, "it ended by itself"
    assert not Gateway._gateway_client.is_connected


def test_py4j_tells_no_trace_of_ctrl_c(caplog: pytest.LogCaptureFixture) -> None:
    def tell(error: BaseException) -> None:
        record = logging.LogRecord(
            "root",
            logging.ERROR,
            "py4j/java_gateway.py",
            1,
            "while sending",
            None,
            (type(error), error, None),
        )
        if gateway._is_no_interrupt(record):
            logging.getLogger().handle(record)

    tell(KeyboardInterrupt())
    assert caplog.records == []
    tell(ConnectionError())
    assert len(caplog.records) == 1
