"""What simulated brokers hold, as the test reckons it: independent of what the JVM says."""

from __future__ import annotations

import base64
import sys
from collections import defaultdict
from dataclasses import dataclass, field

_MAX_PARTITIONS = 3


@dataclass
class Log:
    """One partition, with all that was ever at each of its offsets; None is what no reader gets to see."""

    start: int = 0
    kept: list[int | None] = field(default_factory=list)
    ever: dict[int, list[int | None]] = field(default_factory=lambda: defaultdict(list))
    starts: set[int] = field(default_factory=lambda: {0})
    lowest_cut: int = sys.maxsize
    cuts: int = 0
    is_gone: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.kept)

    def append(self, value: int | None) -> None:
        self.ever[self.end].append(value)
        self.kept.append(value)

    def trim(self, before: int) -> None:
        gone = min(before, self.end) - self.start
        del self.kept[:gone]
        self.start += gone
        self.starts.add(self.start)

    def elect(self, cut: int) -> None:
        at = max(self.start, min(cut, self.end))
        self.lowest_cut = min(self.lowest_cut, at)
        self.cuts += at < self.end
        del self.kept[at - self.start :]

    def holds(self, offset: int, value: int) -> bool:
        return self.start <= offset < self.end and self.kept[offset - self.start] == value

    def is_hole(self, offset: int) -> bool:
        return None in self.ever[offset]


class Broker:
    """A Kafka cluster with one topic."""

    def __init__(self, place: int, partitions: int, all_logs: dict[str, Log]) -> None:
        self.place = place
        self.wipes = 0
        self.is_up = True
        self.logs: list[Log] = []
        self._topics = 0
        self._partitions = partitions
        self._all_logs = all_logs
        self.create()

    @property
    def cluster(self) -> str:
        return f"K{self.place}.{self.wipes}"

    def name(self, partition: int) -> str:
        uuid = (self.place + 1).to_bytes(8, "big") + self._topics.to_bytes(8, "big")
        topic = base64.urlsafe_b64encode(uuid).decode().rstrip("=")
        return f"{self.cluster}/{topic}/{partition}"

    def delete(self) -> None:
        for log in self.logs:
            log.is_gone = True
        self.logs = []

    def create(self) -> None:
        if not self.logs:
            self._topics += 1
            for _ in range(self._partitions):
                self.grow()

    def grow(self) -> None:
        if len(self.logs) < _MAX_PARTITIONS:
            self._all_logs[self.name(len(self.logs))] = log = Log()
            self.logs.append(log)

    def wipe(self) -> None:
        self.delete()
        self.wipes += 1
        self.create()


class Brokers:
    """All brokers; takes the commands that are for them, as the JVM does."""

    def __init__(self, count: int, partitions: int) -> None:
        self.logs: dict[str, Log] = {}
        self.all = [Broker(place, partitions, self.logs) for place in range(count)]
        self.values = 0

    def play(self, command: str) -> None:
        verb, *words = command.split()
        numbers = [int(word) for word in words if word.isdigit()]
        broker = self.all[numbers[0] % len(self.all)] if numbers else self.all[0]
        match verb:
            case "kill" | "revive":
                broker.is_up = verb == "revive"
            case "wipe":
                broker.wipe()
            case "delete":
                broker.delete()
            case "create":
                broker.create()
            case "grow" if broker.logs:
                broker.grow()
            case "produce" | "mark" | "trim" | "elect" if broker.logs:
                self._change(verb, broker, broker.logs[numbers[1] % len(broker.logs)], numbers[2])

    def _change(self, verb: str, broker: Broker, log: Log, count: int) -> None:
        if verb == "trim":
            log.trim(log.start + count)
        elif verb == "elect":
            log.elect(log.end - count)
        elif broker.is_up:
            for _ in range(count):
                log.append(self.values if verb == "produce" else None)
                self.values += verb == "produce"
