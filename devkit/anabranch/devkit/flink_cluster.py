"""A Flink session cluster of real processes, made from PyFlink's own jars."""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anabranch.devkit import flink_config
from anabranch.devkit.class_archive import ClassArchive
from anabranch.devkit.diagnosis import diagnose
from anabranch.devkit.flink_config import FlinkSpec
from anabranch.devkit.flink_rest import FlinkRest
from anabranch.devkit.java import java
from anabranch.devkit.service import Service, ServiceState
from anabranch.devkit.state import exclusive, name_option, read_json, write_atomically, write_json
from anabranch.errors import ConfigurationError, EnvironmentMissingError, UnavailableError
from anabranch.pipelines.configuration import CHECKPOINT_DIR, SAVEPOINT_DIR
from anabranch.pipelines.uris import file_uri

__all__ = ["FlinkCluster"]

_JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"
_READY_LIMIT_S = 180.0  # 10-15 s on an idle machine of two cores


class FlinkCluster:
    """One JobManager and several TaskManagers; found again from any process by its folder.

    Args:
        folder: Holds ``flink.json``, ``conf/``, logs, links to plugins and, where they go to no other place,
            checkpoints and savepoints.
        mark: Identity of the loop.
    """

    def __init__(self, folder: Path, mark: str) -> None:
        self.folder = folder
        self._mark = mark
        self._archives: dict[str, ClassArchive] = {}  # of what this object started

    @property
    def rest_address(self) -> str:
        """Host of the REST API."""
        return "127.0.0.1"

    @property
    def rest_port(self) -> int:
        """Port of the REST API, and of the web page."""
        return int(self._state()["rest_port"])

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{self.rest_address}:{self.rest_port}"

    @property
    def rest(self) -> FlinkRest:
        """A client of its REST API."""
        return FlinkRest(self.url)

    @property
    def spec(self) -> FlinkSpec:
        """What it was started with."""
        return FlinkSpec(**self._state()["spec"])

    @property
    def checkpoints(self) -> str:
        """URI of the folder that checkpoints go to, where a job does not say otherwise."""
        return self.spec.options.get(CHECKPOINT_DIR, file_uri(self.folder / "checkpoints"))

    @property
    def savepoints(self) -> str:
        """URI of the folder that savepoints go to."""
        return self.spec.options.get(SAVEPOINT_DIR, file_uri(self.folder / "savepoints"))

    @property
    def job_manager(self) -> Service:
        """The JobManager's process."""
        return Service("jobmanager", self.folder, self._mark)

    @property
    def task_managers(self) -> list[Service]:
        """The TaskManagers' processes, by their place; a replacement takes the place of the killed one."""
        return [self._task_manager(place) for place in range(self.spec.task_managers)]

    @property
    def services(self) -> list[Service]:
        """All processes."""
        return [self.job_manager, *self.task_managers]

    def start(self, spec: FlinkSpec, rpc_port: int, rest_port: int) -> None:
        """Starts all processes and waits until every TaskManager is registered.

        Raises:
            EnvironmentMissingError: PyFlink or the connectors' jars are missing, or a process dies.
        """
        pyflink = flink_config.pyflink_folder()
        flink_config.class_path(pyflink)  # what is missing is told before anything is made
        for name in ("conf", "tmp", "checkpoints", "savepoints", "plugins"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for plugin in flink_config.plugin_folders(spec, pyflink):
            link = self.folder / "plugins" / plugin.name
            link.unlink(missing_ok=True)
            link.symlink_to(plugin)
        config = flink_config.session_config(spec, self.folder, rpc_port, rest_port)
        write_atomically(self.folder / "conf" / "config.yaml", config)
        write_atomically(self.folder / "conf" / "log4j.properties", flink_config.log_config())
        state = {"spec": asdict(spec), "rpc_port": rpc_port, "rest_port": rest_port, "starts": 0, "ids": {}}
        write_json(self.folder / "flink.json", state)
        self._spawn_job_manager()
        for place in range(spec.task_managers):
            self.start_task_manager(place, wait=False)
        self.await_ready()
        for service in self.services[:2]:  # one of each kind
            if service.ref is not None:
                self._archives[service.name].keep(service.ref)
        self.await_ready()

    def await_ready(self, places: list[int] | None = None, *, timeout_s: float = _READY_LIMIT_S) -> None:
        """Waits until the TaskManagers in these places (by default all) are registered.

        They are known by their ids: one that has just died may still be counted by the JobManager.
        """
        places = list(range(self.spec.task_managers)) if places is None else places
        awaited = [self.job_manager, *(self._task_manager(place) for place in places)]
        deadline = time.monotonic() + timeout_s
        while missing := self._unregistered(places):
            for service in awaited:
                if service.state is ServiceState.DIED:
                    raise self._death(service)
            if self.job_manager.state is ServiceState.DOWN:
                raise ConfigurationError(
                    "Flink's jobmanager is down, so no TaskManager can register",
                    hint=f"anabranch dev restart jobmanager{name_option(self.folder)}",
                )
            if time.monotonic() > deadline:
                names = ", ".join(missing)
                raise UnavailableError(
                    f"Flink's {names} did not register within {timeout_s:.0f} s", where=str(self.folder)
                )
            time.sleep(0.1)

    def kill_task_manager(self, place: int) -> None:
        """SIGKILL to a TaskManager and to its Python workers; :meth:`start_task_manager` replaces it."""
        self._checked(place).kill()

    def start_task_manager(self, place: int, *, wait: bool = True) -> None:
        """Starts a TaskManager in a place where none runs; with ``wait`` until it is registered."""
        service = self._checked(place)
        with service.locked():
            with exclusive(self.folder / ".state.lock", timeout_s=30, what="the Flink cluster"):
                state = self._state()
                state["starts"] += 1
                # An id of its own for each start: the JobManager must not take it for the one that died.
                identity = f"tm-{place}-{state['starts']}"
                state["ids"][str(place)] = identity
                write_json(self.folder / "flink.json", state)
            pyflink = flink_config.pyflink_folder()
            flags = flink_config.task_manager_jvm(self.spec, pyflink)
            self._spawn(
                service,
                [*flags, *self._main(_TASK_MANAGER, service), f"-Dtaskmanager.resource-id={identity}"],
            )
        if wait:
            self.await_ready([place])

    def restart(self, name: str) -> None:
        """Starts the process of that name anew and waits until it is registered."""
        for place, service in enumerate(self.task_managers):
            if service.name == name:
                service.kill()
                self.start_task_manager(place)
                return
        self.restart_job_manager()

    def restart_job_manager(self) -> None:
        """Starts the JobManager anew; without high availability the jobs of the old one are forgotten."""
        self.job_manager.kill()
        with self.job_manager.locked():
            self._spawn_job_manager()
        self.await_ready(
            [place for place, one in enumerate(self.task_managers) if one.state is ServiceState.UP]
        )

    def _spawn_job_manager(self) -> None:
        service = self.job_manager
        flags = flink_config.job_manager_jvm(flink_config.pyflink_folder())
        self._spawn(service, [*flags, *self._main(_JOB_MANAGER, service)])

    def _main(self, main_class: str, service: Service) -> list[str]:
        settings = f"-Dlog4j.configurationFile={(self.folder / 'conf' / 'log4j.properties').as_uri()}"
        path = os.pathsep.join(str(jar) for jar in flink_config.class_path(flink_config.pyflink_folder()))
        arguments = [settings, "-cp", path, main_class, "--configDir", str(self.folder / "conf")]
        # The web page shows this file. The property `log.file` says the same, but then RocksDB logs beside
        # it, in files named by the whole path of the data: too long a name, where a job is restored rescaled.
        shown = ("web.log.path", "taskmanager.log.path")
        return [*arguments, *(f"-D{option}={service.log_path}" for option in shown)]

    def _archive(self, service: Service) -> ClassArchive:
        kind = service.name.partition("-")[0]
        return ClassArchive(kind, java(), flink_config.class_path(flink_config.pyflink_folder()))

    def _spawn(self, service: Service, arguments: list[str]) -> None:
        env = flink_config.environment(self.spec, flink_config.pyflink_folder(), self.folder)
        archive = self._archives[service.name] = self._archive(service)
        # What a killed JVM leaves, 24 MB of Pekko among it, goes with the folder.
        own = [f"-XX:ErrorFile={self.folder}/hs_err_%p.log", f"-Djava.io.tmpdir={self.folder / 'tmp'}"]
        flags = [*own, *archive.flags()]
        service.spawn([java(), *flags, *arguments], env)

    def _death(self, service: Service) -> EnvironmentMissingError:
        text = "\n".join(service.tail(2000))
        state = self._state()
        ports = [int(state["rpc_port"]), int(state["rest_port"])]
        what = f"Flink's {service.name}"
        error = diagnose(what, text, log=service.log_path, data=self.folder, ports=ports, code=None)
        service.note_death(error.message)
        return error

    def _task_manager(self, place: int) -> Service:
        return Service(f"taskmanager-{place}", self.folder, self._mark)

    def _checked(self, place: int) -> Service:
        count = self.spec.task_managers
        if not 0 <= place < count:
            raise ConfigurationError(f"there is no TaskManager {place}", hint=f"they are 0 to {count - 1}")
        return self._task_manager(place)

    def _unregistered(self, places: list[int]) -> list[str]:
        """Those of the TaskManagers that the JobManager does not know yet."""
        ids: dict[str, str] = self._state()["ids"]
        try:
            known = {task_manager["id"] for task_manager in self.rest.task_managers()}
        except UnavailableError:
            known = set()
        return [f"taskmanager-{place}" for place in places if ids[str(place)] not in known]

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] | None = read_json(self.folder / "flink.json")
        if state is None:
            raise ConfigurationError("this loop has no Flink", hint="anabranch dev up --flink")
        return state
