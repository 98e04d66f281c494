"""Starts and follows the producer processes of the demo."""

from __future__ import annotations

import random
import sys
from collections import Counter
from pathlib import Path
from types import TracebackType
from typing import Self

from anabranch.devkit import process
from anabranch.devkit.dataset import Dataset, Event
from anabranch.devkit.ledger import LedgerSeal
from anabranch.devkit.loop import Loop
from anabranch.devkit.planted import Planted
from anabranch.devkit.process import ProcessRef
from anabranch.devkit.replay import Progress, ReplayOrder, read_progress, write_shards
from anabranch.errors import UnavailableError

__all__ = ["Replay"]

_PROCESSES = 3
# All 930,290 events in about 30 s: fast enough that a fault hits thousands of records in flight, slow enough
# that brokers, both jobs and producers share two cores.
_RECORDS_PER_S = 32_000
# A small input goes slower: the fault needs a checkpoint before it and work after it.
_SHORTEST_S = 20.0
_HEDGE_AFTER_S = 0.5
_MAX_BLOCK_S = 60.0


class Replay:
    """Several producer processes, each with its share of the events and a ledger of its own.

    Args:
        dataset: The events, in replay order.
        planted: Bad records, dealt out among them.
        folder: Where shards, ledgers and progress files go.
    """

    def __init__(self, dataset: Dataset, planted: list[Planted], folder: Path) -> None:
        self._folder = folder
        self._pace = folder / "pace"
        self._refs: list[ProcessRef] = []
        events = _mix(dataset.events, planted)
        self.total = len(events)
        write_shards(events, [folder / f"{number}.shard" for number in range(_PROCESSES)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the processes, also when the run failed."""
        for ref in self._refs:
            process.kill(ref)

    def start(self, loop: Loop) -> None:
        """Starts the processes at the usual pace; they end with the loop at the latest."""
        self.go_on()
        for number in range(_PROCESSES):
            order = ReplayOrder(
                topology=str(loop.topology_path),
                shard=self._folder / f"{number}.shard",
                ledger=self._folder / f"{number}.ledger",
                pace=self._pace,
                progress=self._folder / f"{number}.progress",
                primaries=tuple(loop.primaries),
                home=None,
                hedge_after_s=_HEDGE_AFTER_S,
                max_block_s=_MAX_BLOCK_S,
            )
            argv = [sys.executable, "-m", "anabranch.devkit.replay", order.to_json()]
            log = self._folder / f"{number}.log"
            self._refs.append(process.start(argv, log=log, cwd=self._folder, mark=loop.mark))

    def hold(self) -> None:
        """Sends nothing more until :meth:`go_on`."""
        self._set_pace(0.0)

    def go_on(self) -> None:
        """Sends at the usual pace."""
        self._set_pace(min(_RECORDS_PER_S, self.total / _SHORTEST_S))

    def _set_pace(self, records_per_s: float) -> None:
        scratch = self._pace.with_suffix(".part")
        scratch.write_text(str(records_per_s / _PROCESSES))
        scratch.replace(self._pace)

    @property
    def progress(self) -> Progress:
        """What all processes have done together.

        Raises:
            UnavailableError: A process ended before its share was done; names its log.
        """
        each = [read_progress(self._folder / f"{number}.progress") for number in range(_PROCESSES)]
        for number, (ref, figures) in enumerate(zip(self._refs, each, strict=False)):
            if not figures.done and not process.alive(ref):
                log = self._folder / f"{number}.log"
                told = "\n".join(process.tail(log, 8))
                if not read_progress(self._folder / f"{number}.progress").done:
                    raise UnavailableError(f"producer {number} ended early:\n{told}", where=str(log))
        acknowledged: Counter[str] = Counter()
        ends: dict[str, dict[str, int]] = {}
        for figures in each:
            acknowledged.update(figures.acknowledged)
            for primary, partitions in figures.ends.items():
                known = ends.setdefault(primary, {})
                for partition, end in partitions.items():
                    known[partition] = max(end, known.get(partition, 0))
        return Progress(
            sent=sum(figures.sent for figures in each),
            acknowledged=dict(acknowledged),
            ends=ends,
            failed=sum(figures.failed for figures in each),
            ambiguous=sum(figures.ambiguous for figures in each),
            done=bool(each) and all(figures.done for figures in each),
        )

    @property
    def seals(self) -> dict[str, LedgerSeal]:
        """By file name, what each ledger must hold; of the processes that are done."""
        names = [f"{number}.ledger" for number in range(_PROCESSES)]
        each = [read_progress((self._folder / name).with_suffix(".progress")).ledger for name in names]
        return {name: seal for name, seal in zip(names, each, strict=True) if seal is not None}

    @property
    def done(self) -> bool:
        """Whether every record is acknowledged or given up."""
        return self.progress.done


def _mix(events: list[Event], planted: list[Planted]) -> list[Event]:
    """Deals the bad records out evenly among the good ones, and behind them where these are fewer."""
    mixed = list(events)
    among = range(max(len(mixed), len(planted)))
    places = random.Random(len(planted)).sample(among, len(planted))  # noqa: S311
    for place, bad in sorted(zip(places, planted, strict=True), key=lambda pair: -pair[0]):
        mixed.insert(place, bad.event)
    return mixed
