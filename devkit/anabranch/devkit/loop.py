"""A local loop: independent Kafka clusters as processes, a topology document over them, Flink, a local cloud.

::

    with Loop.up(LoopSpec(name="mine", primaries=2, streams={"logs": 8})) as loop:
        loop.broker("b").kill()
        ...
        loop.broker("b").restart()

A loop made this way is *attached*: it ends with the ``with`` block, or with this process whatever
ends it. ``Loop.up(spec, detached=True)`` leaves it running until ``Loop.find(name).down()``.
"""

from __future__ import annotations

import contextlib
import shutil
import string
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

from anabranch.connectors.jar_files import plugin_folder
from anabranch.devkit import process
from anabranch.devkit.azurite import azurite_program
from anabranch.devkit.brokers import Broker, BrokerSpec, new_cluster_id
from anabranch.devkit.cloud_services import CloudServices, CloudSpec
from anabranch.devkit.document import add_stream, write_document
from anabranch.devkit.flink_cluster import FlinkCluster
from anabranch.devkit.flink_config import FlinkSpec
from anabranch.devkit.guardian import start_guardian
from anabranch.devkit.jars import kafka_jars
from anabranch.devkit.java import java
from anabranch.devkit.loop_spec import DEMO_STREAMS, LoopSpec
from anabranch.devkit.loop_state import held, known_state, said_in, state_in
from anabranch.devkit.ports import PortTakenError, claim_ports, release_ports
from anabranch.devkit.remains import end_damaged, remove_remains
from anabranch.devkit.secure import Credentials
from anabranch.devkit.service import Service, ServiceState
from anabranch.devkit.state import DamagedError, exclusive, loops_home, write_json
from anabranch.devkit.topics import create_topics
from anabranch.errors import ConfigurationError, UnavailableError
from anabranch.pipelines.configuration import CHECKPOINT_DIR, SAVEPOINT_DIR

__all__ = ["DEMO_STREAMS", "CloudSpec", "FlinkSpec", "Loop", "LoopSpec"]

# A port that was free a moment ago can be taken by a program that does not know our claims.
_PORT_ATTEMPTS = 3
# Long enough for another command to end the same loop.
_DOWN_WAIT_S = 60
_BLOB_PLUGIN = "azure-blob-fs"


class Loop:
    """A running loop; found again from any process by its folder. Methods are thread safe.

    Made by :meth:`up` or :meth:`find`, never directly.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        state = self._state()
        self.name: str = state["spec"]["name"]
        self.spec = LoopSpec.from_json(state["spec"])
        self._mark: str = state["mark"]
        secure = self.spec.secure
        self._credentials = Credentials(secure, folder / "secrets") if secure else None

    @classmethod
    def up(
        cls,
        spec: LoopSpec | None = None,
        *,
        detached: bool = False,
        tell: Callable[[str], None] = lambda text: None,
    ) -> Loop:
        """Starts a loop and waits until all of it answers.

        Args:
            spec: What it consists of; by default two primaries with the demo's streams.
            detached: Leave it running when this process ends.
            tell: Called with what takes long: the download of brokers and Azurite, if they are not there yet.

        Raises:
            ConfigurationError: A loop of that name exists.
            EnvironmentMissingError: No Java, no Maven, no network, for a local cloud no Node, or a broker
                that dies at its start.
        """
        spec = spec or LoopSpec()
        java(), kafka_jars(tell)  # what is missing is told before anything is made
        if spec.cloud is not None:
            azurite_program(tell), plugin_folder(_BLOB_PLUGIN)
        folder = loops_home() / spec.name
        with held(folder, timeout_s=0):
            _clear_remains(folder)
            folder.mkdir(parents=True, mode=0o700)
            mark = f"{spec.name}-{uuid.uuid4().hex}"
            state = {"phase": "starting", "mark": mark, "spec": asdict(spec), "started": time.time()}
            state["owner"] = asdict(process.self_ref())
            write_json(folder / "loop.json", state)
            loop = cls(folder)
            start_guardian(folder, mark)
            try:
                loop._start_all()
                loop._set_phase("detached" if detached else "attached")
            except BaseException as error:
                # The folder stays when a broker's log in it says why; the next `up` clears it.
                loop._end(keep_files=isinstance(error, Exception))
                raise
        return loop

    @staticmethod
    def check_startable(name: str) -> None:
        """Tells at once what :meth:`up` would fail of before it starts anything.

        Raises:
            ConfigurationError: A loop of that name exists.
            EnvironmentMissingError: No Java.
        """
        java()
        _refuse_existing(loops_home() / name)

    @classmethod
    def find(cls, name: str = "default") -> Loop:
        """The loop of that name, started by whatever process.

        Raises:
            ConfigurationError: There is none.
        """
        folder = loops_home() / name
        state = state_in(folder)
        if state is None or state["phase"] == "down":
            others = ", ".join(cls.names()) or "none"
            raise ConfigurationError(
                f"there is no loop '{name}' (there are: {others})", hint=f"anabranch dev up --name {name}"
            )
        return cls(folder)

    @staticmethod
    def names() -> list[str]:
        """Names of all loops that are up; one whose state is damaged is not known to be."""
        folders = sorted(path.parent for path in loops_home().glob("*/loop.json"))
        return [each.name for each in folders if known_state(each).get("phase", "down") != "down"]

    @staticmethod
    def clear_ended(pattern: str) -> None:
        """Removes what loops left that have ended, also by SIGKILL; one that runs or starts is left alone.

        So is one whose state is damaged: nobody knows whether it has ended.

        Args:
            pattern: Of their names, as a shell has it.
        """
        for folder in loops_home().glob(pattern):
            with contextlib.suppress(ConfigurationError, UnavailableError), held(folder, timeout_s=0):
                _clear_remains(folder)

    @staticmethod
    def remains() -> dict[str, bool]:
        """Loops that ended or are damaged, and left files; each with whether they were kept on purpose."""
        up = Loop.names()
        folders = (each for each in sorted(loops_home().glob("[!.]*")) if each.name not in up)
        return {each.name: bool(said_in(each).get("kept")) for each in folders}

    @staticmethod
    def clear(name: str) -> None:
        """Removes what a loop that has ended left; does nothing where it left nothing.

        One whose state is damaged is ended, as far as its processes can be told.

        Raises:
            ConfigurationError: It has not ended, or another has been started under its name.
        """
        folder = loops_home() / name
        with held(folder, timeout_s=_DOWN_WAIT_S):
            try:
                _clear_remains(folder)
            except DamagedError:
                end_damaged(folder)

    @property
    def topology_path(self) -> Path:
        """The topology document; replaced atomically when streams are added."""
        return self.folder / "topology.yaml"

    @property
    def mark(self) -> str:
        """Identity of the loop: processes started with it end when the loop does."""
        return self._mark

    @property
    def primaries(self) -> list[str]:
        """Names of the primaries."""
        return list(string.ascii_lowercase[: self.spec.primaries])

    @property
    def streams(self) -> dict[str, int]:
        """All streams, also those added since the start."""
        found: dict[str, int] = self._state()["spec"]["streams"]
        return found

    @property
    def brokers(self) -> list[Broker]:
        """The brokers, in the order of :attr:`primaries`."""
        return [self.broker(name) for name in self.primaries]

    @property
    def services(self) -> list[Service]:
        """Everything that runs, in the order in which it was started."""
        cloud = self.cloud.services if self.spec.cloud else []
        return [*self.brokers, *cloud, *(self.flink.services if self.spec.flink else [])]

    @property
    def cloud(self) -> CloudServices:
        """Blob Storage and token service; its operations raise ConfigurationError where the loop has none."""
        return CloudServices(self.folder / "cloud", self._mark)

    @property
    def flink(self) -> FlinkCluster:
        """The Flink cluster; its operations raise ConfigurationError where the loop has none."""
        return FlinkCluster(self.folder / "flink", self._mark)

    def broker(self, name: str) -> Broker:
        """The broker of the primary ``name``."""
        if name not in self.primaries:
            raise ConfigurationError(
                f"loop '{self.name}' has no primary '{name}'", hint=f"it has {', '.join(self.primaries)}"
            )
        return Broker(self.folder / "brokers" / name, self._mark, self._credentials)

    def service(self, name: str) -> Service:
        """A process by its name: a, b, …, token-service, azurite, jobmanager, taskmanager-0, …."""
        found = {service.name: service for service in self.services}
        if name not in found:
            raise ConfigurationError(
                f"loop '{self.name}' has no service '{name}'", hint=f"it has {', '.join(found)}"
            )
        return found[name]

    def restart(self, name: str) -> None:
        """Starts a service anew on its data, and waits until it answers; one that runs is ended first."""
        service = self.service(name)
        if isinstance(service, Broker):
            service.restart()
        elif name in [each.name for each in self.cloud.services]:
            self.cloud.restart(name)
        else:
            self.flink.restart(name)

    def wipe(self, name: str) -> None:
        """Destroys a primary's data for good; it comes back empty, as a new Kafka cluster."""
        self.broker(name).wipe(self.streams)

    def create_topics(self, topics: dict[str, int]) -> None:
        """Creates topics (name to partitions) on every primary that is up, without declaring streams."""
        for broker in self.brokers:
            if broker.state is ServiceState.UP:
                create_topics(broker.client_config(), topics)

    def add_streams(self, streams: dict[str, int]) -> None:
        """Creates their topics and adds the streams (name to partitions) to the document."""
        self.create_topics(streams)
        with self._changing() as state:
            state["spec"]["streams"].update(streams)
            add_stream(self.topology_path, self.spec, streams)

    def add_flink(self, spec: FlinkSpec) -> FlinkCluster:
        """Starts a Flink session cluster beside the brokers of a loop that has none."""
        with self._changing() as state:
            if state["spec"]["flink"] is not None:
                raise ConfigurationError(f"loop '{self.name}' has a Flink cluster already")
            state["spec"]["flink"] = asdict(spec)
        self.spec = LoopSpec.from_json(self._state()["spec"])
        self._start_flink(spec)
        return self.flink

    def down(self, *, keep_files: bool = False) -> None:
        """Ends everything; returns when nothing runs any more. Data and logs go unless ``keep_files``."""
        with held(self.folder, timeout_s=_DOWN_WAIT_S):
            self._end(keep_files=keep_files)

    def __enter__(self) -> Loop:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    def _start_all(self) -> None:
        if self.spec.secure:
            Credentials.create(self.spec.secure, self.folder / "secrets")
        tasks: list[Callable[[], None]] = [partial(self._create_broker, name) for name in self.primaries]
        if self.spec.cloud is not None:
            # Not tried again on other ports, as the others are: Flink is told of these meanwhile.
            self.cloud.prepare(self.spec.cloud, *claim_ports(2, self.folder))
            tasks.append(self.cloud.start)
        if self.spec.flink is not None:
            tasks.append(partial(self._start_flink, self.spec.flink))
        with ThreadPoolExecutor(len(tasks), thread_name_prefix="anabranch-up") as pool:
            try:
                for started in as_completed([pool.submit(task) for task in tasks]):
                    started.result()
            except BaseException:
                # Else the pool would wait until the others are ready, before Ctrl-C gets through.
                process.sweep(self._mark)
                raise
        auth = self._credentials.auth() if self._credentials else None
        write_document(self.topology_path, self.spec, {b.name: b.bootstrap for b in self.brokers}, auth)

    def _create_broker(self, name: str) -> None:
        broker = self.broker(name)
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            port, controller_port = claim_ports(2, self.folder)
            properties = self.spec.broker_properties
            broker.save_spec(BrokerSpec(name, port, controller_port, new_cluster_id(), properties))
            try:
                broker.create(self.spec.streams)
                return
            except PortTakenError:
                if attempt == _PORT_ATTEMPTS:
                    raise
                shutil.rmtree(broker.folder)

    def _with_state_in_cloud(self, spec: FlinkSpec) -> FlinkSpec:
        """With what keeps Flink's state in the local cloud, by the identity of a pod."""
        cloud = self.cloud
        options = {
            **cloud.flink_options,
            CHECKPOINT_DIR: f"{cloud.location}/checkpoints",
            SAVEPOINT_DIR: f"{cloud.location}/savepoints",
        }
        return replace(
            spec,
            options={**options, **spec.options},
            environment={**cloud.environment, **spec.environment},
            plugins=[str(plugin_folder(_BLOB_PLUGIN)), *spec.plugins],
        )

    def _start_flink(self, spec: FlinkSpec) -> None:
        if self.spec.cloud is not None:
            spec = self._with_state_in_cloud(spec)
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            rpc_port, rest_port = claim_ports(2, self.folder)
            try:
                self.flink.start(spec, rpc_port, rest_port)
                return
            except PortTakenError:
                if attempt == _PORT_ATTEMPTS:
                    raise
                for service in self.flink.services:
                    service.kill()

    def _end(self, *, keep_files: bool) -> None:
        try:
            state = state_in(self.folder)
        except DamagedError:
            state = None  # what runs goes by its mark; the files are left, since they may be another's
        # Another command may have taken it down, and a third have made a new loop of that name.
        mine = state is not None and state["mark"] == self._mark
        if mine:
            with self._changing() as ending:
                ending.update(phase="down", kept=keep_files)
        process.sweep(self._mark)
        if mine:
            release_ports(self.folder)
        if mine and not keep_files:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _state(self) -> dict[str, Any]:
        state = state_in(self.folder)
        if state is None:
            raise ConfigurationError(f"loop '{self.folder.name}' is down", hint="anabranch dev up")
        return state

    def _set_phase(self, phase: str) -> None:
        with self._changing() as state:
            state["phase"] = phase

    @contextlib.contextmanager
    def _changing(self) -> Iterator[dict[str, Any]]:
        """The state of ``loop.json``, written back when the block ends well."""
        with exclusive(self.folder / ".state.lock", timeout_s=30, what=f"loop '{self.name}'"):
            state = self._state()
            yield state
            write_json(self.folder / "loop.json", state)


def _clear_remains(folder: Path) -> None:
    """Removes what a loop that has ended left; refuses when it has not ended."""
    _refuse_existing(folder)
    remove_remains(folder)


def _refuse_existing(folder: Path) -> None:
    state = state_in(folder)
    if state is None:
        return
    owner_lives = process.alive(process.ProcessRef(**state["owner"]))
    if state["phase"] == "detached" or (state["phase"] == "attached" and owner_lives):
        name, running = folder.name, process.marked(state["mark"])
        doing = (
            f"is already up, with {len(running)} processes" if running else "exists, and nothing of it runs"
        )
        ended = (ServiceState.DOWN, ServiceState.DIED)
        dead = " ".join(service.name for service in Loop(folder).services if service.state in ended)
        first = (
            f"restart --name {name} {dead} starts what does not run"
            if dead
            else f"status --name {name} shows it"
        )
        raise ConfigurationError(
            f"loop '{name}' {doing}",
            hint=f"anabranch dev {first}, dev down --name {name} ends it, "
            "and --name OTHER has another beside it",
        )
