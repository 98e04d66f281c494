"""From a job's place and flags to a running job: what `anabranch run` and the demo call."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anabranch.connectors.flink.gateway import check_installed
from anabranch.errors import AnabranchError, ConfigurationError
from anabranch.pipelines.bindings import StreamBinding
from anabranch.pipelines.configuration import state_folder
from anabranch.pipelines.context import RunContext
from anabranch.pipelines.events import Event, Note
from anabranch.pipelines.inputs import check_inputs
from anabranch.pipelines.job_file import file_layer
from anabranch.pipelines.layers import Layer, Resolved, environment_layer, resolve
from anabranch.pipelines.loader import job_files, load_job

if TYPE_CHECKING:
    from anabranch.pipelines.job import Job

__all__ = ["Launch", "explain", "launch", "prepare"]


@dataclass(frozen=True)
class Launch:
    """A job that is ready to be loaded and run.

    Attributes:
        script: The Python file.
        resolved: Its settings, and where they come from.
        context: Of this one run.
    """

    script: Path
    resolved: Resolved
    context: RunContext

    def load(self) -> Job:
        """Runs the job's module; Flink does not start for that."""
        return load_job(self.script, self.context, state_folder(self.script.stem) / "traces")


def prepare(place: Path, flags: Layer, *, logs: Path | None = None) -> Launch:
    """Finds a job and resolves its settings.

    Args:
        place: A folder with ``job.py`` and perhaps ``job.yaml``, or a Python file.
        flags: What wins over environment, file and defaults.
        logs: Where the JVM's log goes; None: into the job's folder.

    Raises:
        ConfigurationError: There is no such job, or a setting is wrong.
    """
    script, settings = job_files(place)
    file = [] if settings is None else [file_layer(settings)]
    resolved = resolve([*file, environment_layer(), flags])
    return Launch(script, resolved, RunContext(resolved.settings, logs=logs))


def launch(
    plan: Launch, on_event: Callable[[Event], None], *, check: bool = True, detach: bool = False
) -> str | None:
    """Runs a job until it ends or, with ``detach``, until a cluster has accepted it.

    Args:
        plan: From :func:`prepare`.
        on_event: Called from this thread with whatever happens.
        check: Ask the brokers first.
        detach: Only on a cluster.

    Returns:
        The job's id, of a job that goes on.

    Raises:
        AnabranchError: It cannot start, or it failed.
    """
    from anabranch.pipelines.running import run_until_end, submit

    settings = plan.resolved.settings
    if detach and settings.cluster is None:
        raise ConfigurationError(
            "there is no cluster to leave the job on", hint="--cluster HOST:PORT, or run without --detach"
        )
    job = _loaded(plan)
    if check:
        _check(job, plan, on_event)
    with _naming_settings(plan.resolved.sources):
        if detach:
            return submit(job, plan.context, on_event)
        run_until_end(job, plan.context, on_event)
    return None


def explain(plan: Launch) -> str:
    """Flink's plan of a job; no broker is asked.

    Raises:
        AnabranchError: It cannot be planned, as :func:`launch` tells it.
    """
    job = _loaded(plan)
    with _naming_settings(plan.resolved.sources):
        return plan.context.explain(job)


def _loaded(plan: Launch) -> Job:
    check_installed()
    job = plan.load()
    check_inputs(job.reads, plan.resolved.settings.inputs, plan.resolved.sources, job.archives)
    return job


@contextmanager
def _naming_settings(sources: Mapping[str, str]) -> Iterator[None]:
    """Gives an error the place of the setting that it is about.

    One without a place, as Flink's start ends with, is about the options that Flink was started with.
    """
    try:
        yield
    except AnabranchError as error:
        given = [source for name, source in sources.items() if name.startswith("flink.")]
        where = _refused_at(error.message, sources) or (", ".join(given) if error.where is None else None)
        if where:
            raise type(error)(error.message, where=where, hint=error.hint) from None
        raise


def _refused_at(message: str, sources: Mapping[str, str]) -> str | None:
    """Where the option was set for every input that a connector or format refuses, if it was."""
    if "Unable to create a s" not in message:
        return None
    # What follows lists options that are right.
    told = message.partition("\n  in: ")[0].partition("Supported options:")[0]
    for name, source in sources.items():
        option = "dead-letters" if name == "dead_letters" else name.removeprefix("inputs.")
        if option != name:
            _, dot, of_format = option.partition(".")
            shown = [option, of_format] if dot and "option space" in message else [option]
            if any(re.search(rf"(?<![\w.-]){re.escape(each)}(?![\w-])", told) for each in shown):
                return source
    return None


def _check(job: Job, plan: Launch, on_event: Callable[[Event], None]) -> None:
    """What would otherwise fail only when Flink has started."""
    from anabranch.pipelines.preflight import check_archive, check_checkpoints, check_cluster, check_streams
    from anabranch.pipelines.slots import check_slots, needed_slots

    settings = plan.resolved.settings
    if settings.cluster is not None:
        check_cluster(settings.cluster)
    else:
        where = plan.resolved.sources.get("checkpoints.dir", "checkpoints.dir")
        check_checkpoints(plan.context.checkpoints(job), where)
    if settings.topology is not None:
        binding = StreamBinding(job.name, settings)
        for archive in job.archives:
            place = binding.archive(archive).place
            if settings.cluster is None:
                check_archive(place, archive.where)
        for line in check_streams(binding.uses(job.reads, job.writes, job.archives)):
            on_event(Note(job.name, line))
    # Last: it may wait for slots that are just being freed.
    if settings.cluster is not None:
        check_slots(settings.cluster, needed_slots(settings))
