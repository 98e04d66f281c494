"""In which run a job finds itself: settings, binding, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.connectors.flink.restore_points import RestorePointReader
from anabranch.connectors.flink.session import FlinkSession
from anabranch.errors import AnabranchError, ConfigurationError, JobError, UnavailableError
from anabranch.pipelines.bindings import Binding, StreamBinding
from anabranch.pipelines.build import Builder
from anabranch.pipelines.cluster_checkpoints import shared_checkpoints
from anabranch.pipelines.configuration import (
    CHECKPOINT_DIR,
    checkpoint_uri,
    flink_configuration,
    state_folder,
)
from anabranch.pipelines.events import Event
from anabranch.pipelines.failures import told_at_write
from anabranch.pipelines.layers import environment_layer, resolve
from anabranch.pipelines.ports import free_ports
from anabranch.pipelines.rest import RestClient
from anabranch.pipelines.retained import LATEST, Look, check_complete, check_ends, restore_uri
from anabranch.pipelines.run_logs import new_log_folder
from anabranch.pipelines.settings import Settings, is_port
from anabranch.pipelines.storage import file_system_options, is_seen_here

if TYPE_CHECKING:
    from anabranch.pipelines.job import Job

__all__ = ["RunContext", "current_context", "running_in"]

_HERE = "127.0.0.1"
# Flink takes the first of them that nobody has taken since they were found free.
_PORTS = 3
_ANSWER_LIMIT_S = 2.0


class RunContext:
    """Settings and binding of one run; a job asks it for its session.

    Args:
        settings: None: from the environment, when they are first needed.
        binding: From a job to what its reads and writes are bound to; None: streams of the topology.
        folder: For logs, traces and checkpoints; None: a folder of this user for each job.
        logs: For logs alone; None: within that folder.
        batch: Flink's batch mode and no connectors, for tests over files.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        binding: Callable[[Job], Binding] | None = None,
        folder: Path | None = None,
        logs: Path | None = None,
        batch: bool = False,
    ) -> None:
        self._settings = settings
        self._binding = binding or (lambda job: StreamBinding(job.name, self.settings))
        self._folder = folder
        self._logs = logs
        self._batch = batch
        self._ports: list[int] = []
        self._builders: dict[int, Builder] = {}
        self._restored: dict[int, str] = {}
        self._log: Path | None = None
        self.restore_notes: list[str] = []
        self.jobs: list[Job] = []

    @property
    def settings(self) -> Settings:
        """The run's settings."""
        if self._settings is None:
            self._settings = resolve([environment_layer()]).settings
        return self._settings

    def folder(self, job: Job) -> Path:
        """Where the job's logs, traces and, unless set otherwise, checkpoints go."""
        return self._folder or state_folder(job.name)

    def web(self, job_id: str) -> str:
        """``host:port`` of the REST API of the Flink that runs the submitted job."""
        if self.settings.cluster is not None:
            return self.settings.cluster
        addresses = [f"{_HERE}:{port}" for port in self._ports] or [f"{_HERE}:0"]
        return next((each for each in addresses if _knows(each, job_id)), addresses[0])

    def checkpoints(self, job: Job) -> str:
        """URI of the folder in which the job's runs keep their checkpoints."""
        return checkpoint_uri(self._placed, self.folder(job))

    def restored(self, job: Job) -> str | None:
        """URI of the checkpoint that this run starts from.

        Raises:
            ConfigurationError: It is not there, or this run would not end as it should.
        """
        given = self.settings.restore
        if given is None:
            return None
        folder = self.folder(job)
        # Once: it must be the same one that is told, checked and handed to Flink.
        if id(job) not in self._restored:
            look = self._look(job) if given == LATEST else None
            found = restore_uri(given, folder, self.settings.cluster, look, self.restore_notes.append)
            if self.settings.bounded:
                check_ends(found, folder)
            self._restored[id(job)] = found
        return self._restored[id(job)]

    def check_restored(self, job: Job) -> None:
        """Looks whether all of the checkpoint that this run starts from is there; starts the JVM for that.

        Where this machine cannot look, though Flink may, a note says so.

        Raises:
            ConfigurationError: A file of it is missing.
            AnabranchError: Flink runs here, and its storage cannot be asked.
        """
        given, restored = self.settings.restore, self.restored(job)
        if given is None or restored is None or given == LATEST:
            return
        if not is_seen_here(restored, self.settings.cluster):
            return
        try:
            point = self._reader(job).check(restored)
        except AnabranchError as error:
            if self.settings.cluster is None:
                raise  # Flink would ask from this very process, and fail as well
            self.restore_notes.append(f"it is not checked here whether it is complete: {error.message}")
            return
        check_complete(given, point)

    def found(self, job: Job) -> None:
        """Called by each new :class:`~anabranch.pipelines.Job`."""
        self.jobs.append(job)

    def builder(self, job: Job) -> Builder:
        """The one builder of a job in this run."""
        if id(job) not in self._builders:
            self._builders[id(job)] = Builder(
                job, lambda: self._new_session(job), self._binding(job), self.folder(job) / "traces"
            )
        return self._builders[id(job)]

    def session(self, job: Job) -> FlinkSession:
        """The job's Flink session, with all that it has described so far."""
        return self.builder(job).session

    def explain(self, job: Job) -> str:
        """Flink's plan of the whole job; its errors are those of a run."""
        builder = self.builder(job)
        builder.check_complete()
        session = builder.insert_all()
        with told_at_write(job.writes, self.folder(job) / "traces"):
            return session.explain()

    def run(self, job: Job, on_event: Callable[[Event], None] = lambda event: None) -> None:
        """Runs the job until it ends."""
        from anabranch.pipelines.running import run_until_end

        run_until_end(job, self, on_event)

    def _look(self, job: Job) -> Look:
        return lambda place: self._reader(job).find([(place, ())])

    def _reader(self, job: Job) -> RestorePointReader:
        only_plans = self.settings.cluster is not None
        return RestorePointReader(self._storage_options, self._log_folder(job), only_plans=only_plans)

    @cached_property
    def _storage_options(self) -> dict[str, str]:
        return file_system_options(self.settings)

    def _log_folder(self, job: Job) -> Path:
        """One for all that this process does: its JVM has one log."""
        if self._log is None:
            self._log = new_log_folder(self._logs or self.folder(job) / "log")
        return self._log

    @cached_property
    def _placed(self) -> Settings:
        """The settings, with the cluster's own place of checkpoints if none is set and all of it reaches it.

        A folder of this user, which is the default otherwise, is nothing to another machine.
        """
        settings = self.settings
        if settings.cluster is None or settings.checkpoints.dir or CHECKPOINT_DIR in settings.flink:
            return settings
        checkpoints = settings.checkpoints.model_copy(update={"dir": shared_checkpoints(settings.cluster)})
        return settings.model_copy(update={"checkpoints": checkpoints})

    def _new_session(self, job: Job) -> FlinkSession:
        from anabranch.connectors.jar_files import jar_paths

        options = flink_configuration(job.name, self._placed, self.folder(job), self.restored(job))
        if self.settings.cluster is None:
            chosen = options.get("rest.bind-port")
            self._ports = free_ports(_PORTS) if chosen is None else [_one_port(chosen)]
            ports = ",".join(map(str, self._ports))
            options = {"rest.address": _HERE, "rest.bind-address": _HERE, "rest.bind-port": ports} | options
        if self._batch:
            # Of no use there, and refused.
            options = {key: value for key, value in options.items() if "checkpointing.interval" not in key}
        jars = [] if self._batch else jar_paths()
        return FlinkSession(
            options,
            jars=jars,
            log_folder=self._log_folder(job),
            file_systems=None if self._batch else self._storage_options,
            batch=self._batch,
        )


def _one_port(text: str) -> int:
    if not is_port(text):
        # Of a range nobody would know which one Flink took, so a run could not be followed.
        raise ConfigurationError(
            f"rest.bind-port is {text!r}", hint="give one port, or leave it out: free ones are looked for"
        )
    return int(text)


def _knows(address: str, job_id: str) -> bool:
    """Whether it is Flink's: another program may listen on a port that Flink therefore left out."""
    try:
        RestClient(f"http://{address}", timeout_s=_ANSWER_LIMIT_S).get(f"/jobs/{job_id}")
    except (UnavailableError, JobError):
        return False
    return True


_current: ContextVar[RunContext] = ContextVar("anabranch_run_context")


def current_context() -> RunContext:
    """The context of this run; outside of any, one with settings from the environment."""
    try:
        return _current.get()
    except LookupError:
        _current.set(RunContext())
        return _current.get()


@contextmanager
def running_in(context: RunContext) -> Iterator[RunContext]:
    """Makes a context the current one within."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
