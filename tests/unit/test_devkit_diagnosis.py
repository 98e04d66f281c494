"""What a person is told of a process that died at its start."""

from __future__ import annotations

from pathlib import Path

import pytest

from anabranch.devkit.diagnosis import diagnose, reason_in
from anabranch.devkit.ports import PortTakenError
from anabranch.devkit.state import loops_home
from anabranch.errors import EnvironmentMissingError

TAKEN = """[main] INFO kafka.server.ControllerServer - [ControllerServer id=1] Starting controller
[main] ERROR kafka.server.KafkaRaftServer - Fatal
KafkaException: Socket server failed to bind to 127.0.0.1:23456: Address already in use.
\tat kafka.network.Acceptor.openServerSocket(SocketServer.scala:724)
Caused by: java.net.BindException: Address already in use
"""
LOCKED = "KafkaException: Failed to acquire lock on file .lock in /data. A Kafka instance …"
TRACE = """java.lang.RuntimeException: outer
\tat some.Class.method(Class.java:1)
Caused by: java.lang.IllegalStateException: the inner one
\t... 12 more
INFO shutting down
"""


def told(text: str, code: int | None = None) -> EnvironmentMissingError:
    return diagnose(
        "broker a", text, log=Path("/x/a.log"), data=Path("/x/data"), ports=[23455, 23456], code=code
    )


def test_port_that_is_taken_is_named() -> None:
    error = told(TAKEN)
    assert isinstance(error, PortTakenError)
    assert "port 23456 is taken by another program" in str(error)
    assert "grep 23456" in str(error)


def test_both_ports_are_named_when_the_log_names_none() -> None:
    assert "port 23455, 23456 is taken" in str(told("java.net.BindException: Address already in use"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LOCKED, "/x/data: broker a cannot start: another broker runs on its data"),
        ("java.io.IOException: No space left on device", "the disk is full"),
        ("OpenJDK: Could not reserve enough space for 384MB object heap", "not enough memory for its JVM"),
        (TRACE, "broker a died at its start: java.lang.IllegalStateException: the inner one"),
        ("", "broker a died at its start: it said nothing"),
    ],
)
def test_reasons(text: str, expected: str) -> None:
    assert expected in str(told(text))


def test_a_broker_whose_data_is_gone_is_started_empty_by_a_command_of_that_loop() -> None:
    text = "ERROR Fatal\njava.lang.RuntimeException: No readable meta.properties files found.\n"
    data = loops_home() / "paper" / "brokers" / "b" / "data"
    error = diagnose("broker b", text, log=Path("/x/b.log"), data=data, ports=[1], code=1)
    assert str(error).startswith(f"{data}: broker b cannot start: its data is gone")
    assert str(error.hint).startswith("anabranch dev wipe b --name paper --yes ")


def test_exit_code_is_told() -> None:
    assert "died at its start with code 1: x" in str(told("x", code=1))


def test_reason_fits_a_screen() -> None:
    assert len(reason_in(["Exception " + "x" * 5000])) == 400
