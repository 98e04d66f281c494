"""Where Flink listens that runs here: not where an outgoing connection may sit when it binds."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from anabranch.errors import ConfigurationError, JobError, UnavailableError
from anabranch.pipelines import Job, ports
from anabranch.pipelines import context as context_module
from anabranch.pipelines.context import RunContext, running_in
from anabranch.pipelines.rest import RestClient
from anabranch.pipelines.settings import Settings


def test_ports_lie_outside_of_the_kernels_range(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernels = tmp_path / "range"
    kernels.write_text("10010\t60999\n")
    monkeypatch.setattr(ports, "_RANGE", kernels)
    assert set(ports.free_ports(3)) <= set(range(10_000, 10_010))
    monkeypatch.setattr(ports, "_RANGE", tmp_path / "absent")
    assert len(set(ports.free_ports(3))) == 3


def test_a_port_that_is_taken_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        taken = held.getsockname()[1]
        monkeypatch.setattr(ports, "_FIRST", taken)
        monkeypatch.setattr(ports, "_LAST", taken + 1)
        assert ports.free_ports(1) == []


class _Session:
    """Keeps the options that it is made with."""

    def __init__(self, options: dict[str, str], **others: object) -> None:
        _Session.options = options

    options: dict[str, str]


def bound(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, settings: Settings
) -> tuple[RunContext, list[str]]:
    """A context whose session was made, and the ports that Flink is told."""
    monkeypatch.setattr(context_module, "FlinkSession", _Session)
    context = RunContext(settings, folder=tmp_path)
    with running_in(context):
        job = Job("j")
    context._new_session(job)
    return context, _Session.options["rest.bind-port"].split(",")


def test_flink_may_try_several_and_the_one_it_took_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context, given = bound(monkeypatch, tmp_path, Settings())
    assert len(set(given)) == 3

    def get(rest: RestClient, path: str) -> None:
        if rest.url.endswith(given[0]):
            raise UnavailableError("no JSON")  # whoever took it since
        if rest.url.endswith(given[1]):
            raise JobError("another Flink")

    monkeypatch.setattr(RestClient, "get", get)
    assert context.web("ab") == f"127.0.0.1:{given[2]}"


def test_a_port_of_the_users_own_is_the_only_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _, given = bound(monkeypatch, tmp_path, Settings(flink={"rest.bind-port": 12345}))
    assert given == ["12345"]


@pytest.mark.parametrize("ports", ["12345-12350", "12345,12346", "²", "0", "65536", "9" * 5000])
def test_ports_of_which_nobody_would_know_the_one_are_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ports: str
) -> None:
    with pytest.raises(ConfigurationError, match=rf"rest.bind-port is '{ports}'"):
        bound(monkeypatch, tmp_path, Settings(flink={"rest.bind-port": ports}))
