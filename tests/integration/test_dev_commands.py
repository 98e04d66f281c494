"""`anabranch dev` as a person uses it: commands in processes of their own, faults, and crashes."""

from __future__ import annotations

import json
import signal
import socket
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from anabranch.devkit import process
from anabranch.devkit.loop import Loop, LoopSpec
from anabranch.devkit.ports import claim_ports
from anabranch.devkit.process import Completed, ProcessRef
from anabranch.devkit.service import ServiceState
from anabranch.devkit.state import loops_home, read_json
from anabranch.devkit.status import status_of
from anabranch.errors import AnabranchError, ConfigurationError, EnvironmentMissingError

pytestmark = [pytest.mark.brokers, pytest.mark.timeout(300)]

ANABRANCH = Path(sys.executable).with_name("anabranch")


@pytest.fixture
def name(home: Path) -> Iterator[str]:
    """A loop's name, in a state home of the test's own; the loop is ended after the test."""
    name = f"t{uuid.uuid4().hex[:6]}"
    yield name
    for left in Loop.names():
        Loop.find(left).down()


def dev(*arguments: str) -> Completed:
    return process.run([ANABRANCH, "dev", *arguments], timeout_s=240)


def marked_of(name: str) -> list[ProcessRef]:
    return process.marked(read_json(loops_home() / name / "loop.json")["mark"])


def states_of(loop: Loop) -> dict[str, str]:
    return {service.name: service.state.value for service in loop.services}


def test_day_of_a_loop(name: str) -> None:
    up = dev("up", "--name", name, "--no-flink", "--stream", "logs:3")
    assert up.code == 0, up.output
    assert f"anabranch dev kill b --name {name}" in up.output
    loop = Loop.find(name)
    mark = read_json(loop.folder / "loop.json")["mark"]
    assert len(process.marked(mark)) == 2, "the brokers outlive the command that started them"

    document = yaml.safe_load(loop.topology_path.read_text())
    assert document["groups"]["training"]["streams"]["logs"]["partitions"] == 3
    assert "\nstreams: logs:3 dead-letters:4\n" in up.output, "jobs write to dead-letters by default"

    again = dev("up", "--name", name, "--no-flink")
    assert again.code == 1
    assert f"loop '{name}' is already up" in again.output
    assert f"dev down --name {name}" in again.output

    assert dev("kill", "--name", name, "b").output.strip() == "b: down"
    assert dev("pause", "--name", name, "a").output.strip() == "a: paused"
    states = {
        s["name"]: s["state"] for s in json.loads(dev("status", "--name", name, "--json").output)["services"]
    }
    assert states == {"a": "paused", "b": "down"}
    assert dev("resume", "--name", name, "a").output.strip() == "a: up"
    assert dev("restart", "--name", name, "b").output.strip() == "b: up"
    before = loop.broker("b").spec.cluster_id
    unasked = dev("wipe", "--name", name, "b")  # no terminal
    assert unasked.code == 2
    assert "give --yes" in unasked.output
    assert dev("wipe", "--yes", "--name", name, "b").code == 0
    assert loop.broker("b").spec.cluster_id != before
    table = dev("status", "--name", name).output
    assert f"cluster {before}" not in table
    assert table.count(" up ") == 2
    assert "\nstreams: logs:3 dead-letters:4\n" in table
    assert "Kafka Server started" in dev("logs", "--name", name, "-n", "400", "a").output

    down = dev("down", "--name", name)
    assert down.code == 0, down.output
    assert process.marked(mark) == []
    assert not loop.folder.exists()
    gone = dev("status", "--name", name)
    assert gone.code == 1
    assert f"there is no loop '{name}'" in gone.output
    again = dev("down", "--name", name)
    assert (again.code, again.output) == (0, f"nothing to end: no loop '{name}' is up\n")


def test_unknown_names_are_told_before_anything_happens(name: str) -> None:
    with Loop.up(LoopSpec(name=name, primaries=1, streams={})) as loop:
        wrong = dev("kill", "--name", name, "a", "z")
        assert wrong.code == 1
        assert f"loop '{name}' has no service 'z'" in wrong.output
        assert loop.broker("a").state is ServiceState.UP
        resumed = dev("resume", "--name", name, "a")
        assert resumed.code == 0, "harmless on one that runs"
        loop.broker("a").kill()
        refused = dev("pause", "--name", name, "a")
        assert "cannot pause a: it is not running" in refused.output


def test_two_loops_started_at_once_work_side_by_side(name: str) -> None:
    from concurrent.futures import ThreadPoolExecutor

    names = [name, f"{name}-2"]
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda each: dev("up", "--name", each, "--no-flink", "--primaries", "1"), names))
    assert [each.code for each in done] == [0, 0], done
    one, two = (Loop.find(each) for each in names)
    assert one.broker("a").bootstrap != two.broker("a").bootstrap
    one.down()
    assert two.broker("a").state is ServiceState.UP
    assert len(marked_of(two.name)) == 1


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=lambda s: s.name)
def test_attached_loop_ends_with_its_command(name: str, tmp_path: Path, number: signal.Signals) -> None:
    script = Path(__file__).with_name("attached.py")
    argv: list[str | Path] = [sys.executable, script, name]
    command = process.start(argv, log=tmp_path / "log", cwd=tmp_path)
    process.await_condition(lambda: process.tail(tmp_path / "log")[-1:] == ["up"], 120, "the loop")
    mark = read_json(loops_home() / name / "loop.json")["mark"]
    assert len(process.marked(mark)) == 1
    process.send(command, number)
    process.await_condition(lambda: not process.alive(command), 30, "the command to end")
    process.await_condition(lambda: process.marked(mark) == [], 30, "its broker to end")
    process.await_condition(lambda: name not in Loop.names(), 10, "the loop to be known as ended")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda s: s.name)
def test_interrupted_up_leaves_nothing_running(name: str, tmp_path: Path, number: signal.Signals) -> None:
    argv: list[str | Path] = [ANABRANCH, "dev", "up", "--name", name, "--no-flink"]
    command = process.start(argv, log=tmp_path / "log", cwd=tmp_path)
    state_file = loops_home() / name / "loop.json"
    process.await_condition(lambda: state_file.exists() and marked_of(name) != [], 120, "a broker to start")
    mark = read_json(state_file)["mark"]
    process.send(command, number)
    process.await_condition(lambda: not process.alive(command), 60, "the command to end")
    process.await_condition(lambda: process.marked(mark) == [], 30, "its brokers to end")
    if number is signal.SIGINT:
        assert process.exit_code(command) == 130
    process.await_condition(lambda: name not in Loop.names(), 10, "the loop to be known as ended")
    with Loop.up(LoopSpec(name=name, primaries=1, streams={})):
        pass  # what was left does not stand in the way


def test_port_taken_by_another_program_is_named(name: str) -> None:
    with Loop.up(LoopSpec(name=name, primaries=1, streams={})) as loop:
        broker = loop.broker("a")
        broker.kill()
        with socket.socket() as stranger:
            stranger.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            stranger.bind(("127.0.0.1", broker.spec.port))
            stranger.listen()
            with pytest.raises(EnvironmentMissingError, match=f"port {broker.spec.port} is taken") as caught:
                broker.restart()
        assert "ss -ltnp" in str(caught.value)
        assert states_of(loop) == {"a": "died"}
        (told,) = status_of(loop)["services"]
        assert told["note"] == caught.value.message
        broker.restart()
        assert states_of(loop) == {"a": "up"}


def test_up_moves_on_from_a_port_that_was_taken_meanwhile(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        taken = stranger.getsockname()[1]
        first = iter([[taken, claim_ports(1, loops_home())[0]]])
        monkeypatch.setattr(
            "anabranch.devkit.loop.claim_ports", lambda n, owner: next(first, None) or claim_ports(n, owner)
        )
        with Loop.up(LoopSpec(name=name, primaries=1, streams={"s": 1})) as loop:
            assert loop.broker("a").spec.port != taken


def test_second_broker_on_the_same_data_is_told_of_the_lock(name: str) -> None:
    with Loop.up(LoopSpec(name=name, primaries=1, streams={})) as loop:
        broker = loop.broker("a")
        (broker.folder / "a.pid.json").rename(broker.folder / "hidden")  # as if the pid had been lost
        properties = broker.folder / "server.properties"
        spec, text = broker.spec, properties.read_text()
        for number, port in enumerate((spec.port, spec.controller_port)):
            text = text.replace(str(port), str(31_990 + number))  # ports must not be what stops it
        properties.write_text(text)
        logged = broker.log_path.read_bytes()
        with pytest.raises(EnvironmentMissingError, match="another broker runs on its data"):
            broker.restart()
        assert broker.log_path.read_bytes() == logged, "a second one was started"
        (broker.folder / "hidden").rename(broker.folder / "a.pid.json")
        assert broker.state is ServiceState.UP


def test_broker_that_dies_says_why_and_its_log_stays(name: str) -> None:
    spec = LoopSpec(name=name, primaries=1, streams={}, broker_properties={"metric.reporters": "no.Such"})
    with pytest.raises(AnabranchError, match=r"no\.Such") as caught:
        Loop.up(spec)
    assert caught.value.where is not None
    assert "no.Such" in Path(caught.value.where).read_text()
    assert Loop.names() == []


def test_refused_setting_is_named(name: str) -> None:
    spec = LoopSpec(name=name, primaries=1, streams={}, broker_properties={"num.io.threads": "none"})
    with pytest.raises(AnabranchError, match=r"Invalid value none for configuration num\.io\.threads"):
        Loop.up(spec)
    with pytest.raises(ConfigurationError, match="there is no loop"):
        Loop.find(name)
