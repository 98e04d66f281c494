"""The main job: real input through real brokers and real jobs, one of them hurt, every record accounted for.

The order of things: brokers, Flink and both jobs are started while the input is read; several producer
processes replay it; the nemesis strikes while they do; all is drained to the brokers' end offsets; some dead
letters are mended and replayed; an independent consumer gathers the evidence; the verifier judges it.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from anabranch.devkit.azurite import azurite_program
from anabranch.devkit.dataset import Dataset, check_file, load_dataset
from anabranch.devkit.demo_jobs import FLINK_OPTIONS, DemoJobs
from anabranch.devkit.demo_replay import Replay
from anabranch.devkit.evidence import FaultEvidence
from anabranch.devkit.evidence_file import save_evidence
from anabranch.devkit.gather import Gathered, gather
from anabranch.devkit.java import java
from anabranch.devkit.loop import CloudSpec, FlinkSpec, Loop, LoopSpec
from anabranch.devkit.mending import mend_and_replay
from anabranch.devkit.nemesis import FaultKind, FaultPlan, Nemesis, plan_fault
from anabranch.devkit.observer import Observer
from anabranch.devkit.planted import Planted, plant
from anabranch.devkit.report import ReportData, write_report
from anabranch.devkit.scores import read_scores, scores_of
from anabranch.devkit.secure import SecureKind
from anabranch.devkit.timeline import Clock, Mark, Sample, Timeline
from anabranch.devkit.verifier import Verdict, verify
from anabranch.errors import ConfigurationError, EnvironmentMissingError, UnavailableError
from anabranch.topology import librdkafka_config, load_topology

__all__ = ["DemoResult", "DemoSpec", "Progress", "run_demo"]

_TASK_MANAGERS = 2
# Bad records: a few hundred at full size, fewer where the input is small.
_PLANTED_AT_MOST = 300
_PLANTED_SHARE = 0.02
# How long everything may take to be read to the end, once producers are done and the victim is back.
_DRAIN_LIMIT_S = 120.0
# Jobs that have no checkpoint by then will not have one: the verdict says that the fault did not bite.
_HOLD_LIMIT_S = 120.0
# Each look asks the JobManager a dozen questions, which costs it as much as the jobs' own bookkeeping.
_LOOK_EVERY_S = 0.5
# 2 MB records are planted; Kafka's own limit is 1 MiB.
_BROKER_PROPERTIES = {"message.max.bytes": "4194304"}
# Names of the demo's loops. They go by process id, so no later one would clear what a killed one left.
_LOOPS = "demo-[0-9]*"


@dataclass(frozen=True)
class DemoSpec:
    """What to run; see ``anabranch demo --help`` for the meaning of each."""

    primaries: int = 2
    fault: str = "kill"
    copies: int = 1
    secure: SecureKind | None = None
    seed: int = 0
    limit: int | None = None
    data: Path | None = None
    scores: Path | None = None
    report: Path = Path("report.html")
    keep: Path | None = None
    blob: bool | None = None
    sabotage: str = "none"
    command: str = "anabranch demo"


@dataclass(frozen=True, slots=True)
class Progress:
    """Something to show: a sentence, a sample, or both.

    Attributes:
        at_s: When it was, seconds since the run began.
        text: The sentence.
        sample: The sample.
        total: Number of records to be sent.
    """

    at_s: float
    text: str = ""
    sample: Sample | None = None
    total: int = 0


@dataclass(frozen=True)
class DemoResult:
    """The outcome of a run.

    Attributes:
        verdict: What was found.
        official: Official minutes by group.
        emitted: The leaderboard's minutes by group.
        plan: The fault.
        report: Where the HTML report is; None where it could not be written.
        took_s: From start to verdict, seconds.
        checkpoints: URI of the folder that checkpoints went to.
        restored_from: URIs of the checkpoints that jobs were restored from, in order.
    """

    verdict: Verdict
    official: Mapping[str, float | None]
    emitted: Mapping[str, float | None]
    plan: FaultPlan
    report: Path | None
    took_s: float
    checkpoints: str
    restored_from: tuple[str, ...] = ()

    @property
    def equal_scores(self) -> int:
        """Groups whose score on the leaderboard is the official one."""
        wrong = {finding.detail.split(":")[0].split(" is ")[0] for finding in self.verdict.findings}
        return sum(group in self.emitted and group not in wrong for group in self.official)

    def as_json(self) -> dict[str, Any]:
        """The verdict for machines."""
        return {
            **self.verdict.as_json(),
            "equal_scores": self.equal_scores,
            "fault": str(self.plan.kind),
            "victim": self.plan.victim,
            "took_s": round(self.took_s, 1),
            "checkpoints": self.checkpoints,
            "restored_from": list(self.restored_from),
            "report": None if self.report is None else str(self.report),
        }


@dataclass
class _Stage:
    """What the steps of one run share."""

    spec: DemoSpec
    plan: FaultPlan
    dataset: Dataset
    planted: list[Planted]
    loop: Loop
    jobs: DemoJobs
    replay: Replay
    folder: Path
    clock: Clock
    tell: Callable[[str], None]
    scores: Mapping[str, float | None] | None
    clients: dict[str, dict[str, str]] = field(default_factory=dict)


def run_demo(spec: DemoSpec, show: Callable[[Progress], None]) -> DemoResult:
    """Runs the whole; returns the outcome, also where records were lost.

    Args:
        spec: What to run.
        show: Called with what happens, about twice a second while records flow: with samples from this
            thread only, with sentences from others, too.

    Raises:
        ConfigurationError: The input cannot be read.
        EnvironmentMissingError: Java, Maven or a port is missing.
        JobError: A job did not start or failed for good.
    """
    clock = Clock()
    with ExitStack() as stack:
        stack.enter_context(_without_collections())
        _check_keep(spec)
        stage = _make_ready(spec, stack, clock, lambda text: show(Progress(clock.now_s, text)))
        timeline, fault, mended, undrained = _drive(stage, show)
        checkpoints = stage.loop.flink.checkpoints
        stage.tell("audit: an independent consumer reads all logs")
        seals = stage.replay.seals
        gathered = gather(
            stage.clients,
            topology=str(stage.loop.topology_path),
            mark=stage.loop.mark,
            folder=stage.folder,
            seals=seals,
            dataset=stage.dataset,
            planted=stage.planted,
            readers=stage.jobs.groups,
            mended=mended,
            copies_wanted=spec.copies,
            official=_official(stage),
            undrained=undrained,
            fault=fault,
            tell=stage.tell,
        )
        verdict = verify(gathered.evidence)
        if spec.keep is not None:
            save_evidence(stage.folder, gathered.evidence, seals)
    report = _report(stage, timeline, gathered, verdict)
    return DemoResult(
        verdict=verdict,
        official=gathered.evidence.official_scores,
        emitted=gathered.evidence.emitted_scores,
        plan=stage.plan,
        report=report,
        took_s=clock.now_s,
        checkpoints=checkpoints,
        restored_from=stage.jobs.restored_from(),
    )


def _check_keep(spec: DemoSpec) -> None:
    if spec.keep is not None:
        spec.keep.mkdir(parents=True, exist_ok=True)
        if any(spec.keep.iterdir()):
            raise ConfigurationError(f"{spec.keep} is not empty", hint="give --keep a new folder")


def _folder(spec: DemoSpec, loop: Loop) -> Path:
    """Of ledgers, shards and logs; in the loop's, so that it goes with the loop, also after a SIGKILL."""
    if spec.keep is not None:
        return spec.keep.resolve()
    folder = loop.folder / "demo"
    folder.mkdir(exist_ok=True)
    return folder


@contextmanager
def _without_collections() -> Iterator[None]:
    """Leaves the garbage collector out: a third of the time went into looking through millions of events.

    They are left out of all collections to come, too: the first would take seconds.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _make_ready(spec: DemoSpec, stack: ExitStack, clock: Clock, tell: Callable[[str], None]) -> _Stage:
    """Starts brokers, Flink and both jobs while the input is read."""
    data = spec.data or _shipped("mlperf-training-v4.0.tsv.xz")
    check_file(data)
    scores = _given_scores(spec)
    java()  # what is missing is told before seconds are spent on the input
    # Only of the shipped file it is known that it can be read while all else starts.
    own = None if spec.data is None else load_dataset(data, limit=spec.limit, seed=spec.seed)
    cloud = _cloud(spec, tell)
    Loop.clear_ended(_LOOPS)
    tell(f"starting {spec.primaries} Kafka clusters, Flink and two jobs, reading {data.name}")
    with ThreadPoolExecutor(1) as pool:
        up: Future[Loop] = Future()
        starting = pool.submit(_start, spec, cloud, up, tell)
        try:
            dataset = own or load_dataset(data, limit=spec.limit, seed=spec.seed, known_good=True)
            count = min(_PLANTED_AT_MOST, max(5, int(len(dataset.events) * _PLANTED_SHARE)))
            planted = plant(max(event.line for event in dataset.events) + 1, count, spec.seed)
            folder = _folder(spec, up.result())
            replay = Replay(dataset, planted, folder)
            events, runs = len(dataset.events), len(dataset.runs)
            tell(f"{events:,} events of {runs:,} runs are ready, {count} bad records among them")
        finally:
            jobs = starting.result()
            loop = stack.enter_context(jobs.loop)
    tell("both jobs run; replaying")
    plan = plan_fault(FaultKind(spec.fault), loop.primaries, _TASK_MANAGERS, spec.seed)
    group = load_topology(str(loop.topology_path)).groups[loop.spec.group]
    clients = {name: librdkafka_config(group.primaries[name]) for name in loop.primaries}
    return _Stage(spec, plan, dataset, planted, loop, jobs, replay, folder, clock, tell, scores, clients)


def _cloud(spec: DemoSpec, tell: Callable[[str], None]) -> CloudSpec | None:
    """Where nobody chose, a local cloud if this machine has what it needs."""
    if spec.blob is False:
        tell("checkpoints go to a folder of this machine")
        return None
    try:
        azurite_program(tell)
    except (EnvironmentMissingError, UnavailableError) as error:
        if spec.blob:
            raise
        tell(f"checkpoints go to a folder of this machine, for there is no local cloud: {error.message}")
        return None
    tell("checkpoints go to Blob Storage of this machine's own (Azurite), by workload identity")
    return CloudSpec()


def _start(
    spec: DemoSpec, cloud: CloudSpec | None, up: Future[Loop], tell: Callable[[str], None]
) -> DemoJobs:
    """Starts the loop, which ``up`` tells of as soon as it is there, and both jobs on it."""
    try:
        loop = _loop(spec, cloud, tell)
    except BaseException as error:
        up.set_exception(error)
        raise
    up.set_result(loop)
    tell("Kafka and Flink are up; planning and submitting both jobs")
    jobs = DemoJobs(loop, _folder(spec, loop), sabotage=spec.sabotage)
    try:
        jobs.submit(tell)
    except BaseException:
        loop.down()
        raise
    return jobs


def _loop(spec: DemoSpec, cloud: CloudSpec | None, tell: Callable[[str], None]) -> Loop:
    return Loop.up(
        LoopSpec(
            name=f"demo-{os.getpid()}",
            primaries=spec.primaries,
            copies=spec.copies,
            secure=spec.secure,
            broker_properties=_BROKER_PROPERTIES,
            flink=FlinkSpec(task_managers=_TASK_MANAGERS, slots=1, options=FLINK_OPTIONS, short_lived=True),
            cloud=cloud,
        ),
        tell=tell,
    )


def _drive(
    stage: _Stage, show: Callable[[Progress], None]
) -> tuple[Timeline, FaultEvidence, dict[int, int], list[str]]:
    """Replays, strikes, drains, mends; all that happens while the jobs run."""
    timeline, replay, clock = Timeline(tuple(stage.loop.primaries)), stage.replay, stage.clock
    with replay, Observer(stage.clients, stage.jobs, replay, timeline, clock) as observer:

        def tell(text: str) -> None:
            mark = Mark(clock.now_s, text)
            timeline.marks.append(mark)
            show(Progress(mark.at_s, text))

        replay.start(stage.loop)
        _strike_meanwhile(stage, observer, show, tell)
        tell("all sent")
        undrained = _await_drained(observer, show, replay.total)
        tell(f"both jobs have {_read_to(undrained)}")
        mended, unsent = mend_and_replay(stage.loop, stage.planted, tell)
        left = _await_drained(observer, show, replay.total)
        tell(f"both jobs have {_read_to(left)}, the replayed records included")
        undrained += unsent + left
        return timeline, observer.fault_evidence(stage.plan), mended, undrained


def _strike_meanwhile(
    stage: _Stage, observer: Observer, show: Callable[[Progress], None], tell: Callable[[str], None]
) -> None:
    """Watches the replay to its end; the nemesis has a thread of its own, so that watching goes on."""
    nemesis = Nemesis(
        stage.plan,
        stage.loop,
        stage.replay,
        look=lambda: observer.note_unread(stage.plan),
        tell=tell,
    )
    with ThreadPoolExecutor(1) as pool:
        harm: Future[None] | None = None
        held_until: float | None = None
        while not stage.replay.done or (harm is not None and not harm.done()):
            _show_sample(observer, show, stage.replay.total)
            if harm is None and observer.may_strike(stage.plan):
                stage.replay.go_on()
                harm = pool.submit(nemesis.run)
            elif harm is None and held_until is None and observer.strikes_late(stage.plan):
                tell("holding the rest until both jobs have a checkpoint")
                stage.replay.hold()
                held_until = time.monotonic() + _HOLD_LIMIT_S
            elif harm is None and held_until is not None and time.monotonic() > held_until:
                stage.replay.go_on()
            time.sleep(_LOOK_EVERY_S)
        if harm is not None:
            harm.result()


def _show_sample(observer: Observer, show: Callable[[Progress], None], total: int) -> None:
    sample = observer.sample()
    show(Progress(sample.at_s, sample=sample, total=total))


def _await_drained(observer: Observer, show: Callable[[Progress], None], total: int) -> list[str]:
    """Waits until every job has committed every log to its end; returns what was left."""
    deadline = time.monotonic() + _DRAIN_LIMIT_S
    ends = observer.fresh_ends()
    while left := observer.undrained(ends):
        if time.monotonic() > deadline:
            return left
        _show_sample(observer, show, total)
        time.sleep(_LOOK_EVERY_S)
    return []


def _read_to(undrained: list[str]) -> str:
    return f"NOT read {len(undrained)} logs to the end in time" if undrained else "read every log to its end"


def _given_scores(spec: DemoSpec) -> Mapping[str, float | None] | None:
    """The official scores, read before anything starts; None where the input comes without any."""
    if spec.scores is None and spec.data is not None:
        return None
    return read_scores(spec.scores or _shipped("mlperf-training-v4.0-scores.csv"))


def _official(stage: _Stage) -> dict[str, float | None]:
    """The official scores of the groups that were replayed; computed where there are none."""
    if stage.scores is None:
        return scores_of(stage.dataset.events)
    groups = stage.dataset.groups
    return {group: score for group, score in stage.scores.items() if group in groups}


def _shipped(name: str) -> Path:
    """A file of the repository's ``data`` folder."""
    path = Path(__file__).parents[3] / "data" / name
    if not path.exists():
        raise ConfigurationError(
            "the demo's data comes with the repository, not with the package",
            where=str(path),
            hint="run the demo in a checkout, or give --data FILE",
        )
    return path


def _report(stage: _Stage, timeline: Timeline, gathered: Gathered, verdict: Verdict) -> Path | None:
    holdings, spec = gathered.holdings, stage.spec
    data = ReportData(
        title=f"anabranch demo: {spec.fault}, {spec.primaries} primaries, seed {spec.seed}",
        verdict=verdict,
        timeline=timeline,
        destinations=holdings.destinations,
        official=gathered.evidence.official_scores,
        emitted=gathered.evidence.emitted_scores,
        command=spec.command,
    )
    try:
        write_report(spec.report, data)
    except OSError as error:
        # A full disk costs the picture, not the verdict.
        stage.tell(f"the report cannot be written: {spec.report}: {error.strerror}")
        return None
    return spec.report.resolve()
