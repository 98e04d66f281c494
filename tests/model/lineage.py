"""What a job has counted of each log, by its checkpointed state: rolled back where the job is."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.model.brokers import Log

DELETED = "DELETED"
TRUNCATED = "TRUNCATED"
TOPIC_REPLACED = "TOPIC_REPLACED"
CLUSTER_REPLACED = "CLUSTER_REPLACED"


class BrokenPromiseError(AssertionError):
    """The job broke a promise."""


def must(holds: bool, what: str) -> None:
    """Fails the history unless that holds."""
    if not holds:
        raise BrokenPromiseError(what)


@dataclass
class Account:
    """What was counted of one log in one line of states.

    Attributes:
        begin: the first offset that was to be read.
        cursor: the first offset that was not.
        counted: offsets by the value that was read there; values are unique.
        losses: kind, from and to of each loss, in order.
        told_cuts: by from and to, how often the log had been cut when that was told last.
        owner: the subtask that has it, or -1.
        is_taken: whether that subtask has heard of it.
        is_over: whether it is told that the log is gone, and it is.
    """

    split: str
    begin: int
    cursor: int
    counted: dict[int, int] = field(default_factory=dict)
    losses: list[tuple[str, int, int]] = field(default_factory=list)
    told_cuts: dict[tuple[int, int], int] = field(default_factory=dict)
    owner: int = -1
    is_taken: bool = False
    is_over: bool = False

    def copy(self) -> Account:
        return Account(
            self.split,
            self.begin,
            self.cursor,
            dict(self.counted),
            list(self.losses),
            dict(self.told_cuts),
            self.owner,
            self.is_taken,
            self.is_over,
        )

    @property
    def is_retired(self) -> bool:
        """Whether the log is out of the job's state for good, under a policy that reads on."""
        return any(kind == TOPIC_REPLACED for kind, _, _ in self.losses)

    def is_lost(self, offset: int) -> bool:
        return any(kind == DELETED and begin <= offset < end for kind, begin, end in self.losses)

    def may_pass(self, log: Log, to: int) -> bool:
        """Whether nothing that was to be read is between the cursor and that offset."""
        return all(log.is_hole(offset) or self.is_lost(offset) for offset in range(self.cursor, to))

    def count(self, log: Log, offset: int, value: int) -> None:
        must(not self.is_over, f"{value} at offset {offset} of {self.split} is read after its loss was told")
        must(value in log.ever[offset], f"{value} was never at offset {offset} of {self.split}")
        must(value not in self.counted, f"{value} at offset {offset} of {self.split} is read twice")
        must(offset >= self.cursor, f"{self.split} is taken back from {self.cursor} to {offset}")
        must(self.may_pass(log, offset), f"{self.split} skips from {self.cursor} to {offset}")
        self.counted[value] = offset
        self.cursor = offset + 1

    def lose(self, log: Log, kind: str, begin: int, end: int, *, reads_on: bool) -> None:
        """Takes a report of a loss; it must be true, and new."""
        report = f"{kind} {begin}..{end} of {self.split}, read up to {self.cursor}"
        # What took the place of a cut end may be cut off, too, and no record have been in it.
        again = kind == TRUNCATED and self.told_cuts.get((begin, end), 0) < log.cuts
        known = (kind, begin, end) in self.losses and kind != CLUSTER_REPLACED
        must(again or not known, f"{report}, reported again")
        if kind == DELETED:
            self._lose_deleted(log, begin, end, report)
            self.cursor = end if reads_on else self.cursor
        elif kind == TRUNCATED:
            self._lose_truncated(log, begin, end, report)
            self.cursor = begin
            self.told_cuts[begin, end] = log.cuts
        else:
            must(self.cursor <= begin and self.may_pass(log, begin), f"{report}: begins elsewhere")
            must(log.is_gone or kind == CLUSTER_REPLACED, f"{report}: the log is there")
            must(all(each != TOPIC_REPLACED for each, _, _ in self.losses), f"{report}, a second time")
            self.is_over |= log.is_gone
        self.losses.append((kind, begin, end))

    def _lose_deleted(self, log: Log, begin: int, end: int, report: str) -> None:
        must(self.cursor <= begin and self.may_pass(log, begin), f"{report}: begins elsewhere")
        must(begin < end <= log.start, f"{report}: the log begins at {log.start}")
        must(not any(self.is_lost(offset) for offset in range(begin, end)), f"{report}, reported in part")

    def _lose_truncated(self, log: Log, begin: int, end: int, report: str) -> None:
        must(begin < end, report)
        must(self.cursor <= end and self.may_pass(log, end), f"{report}: ends elsewhere")
        for value, offset in self.counted.items():
            if offset >= begin:
                must(not log.holds(offset, value), f"{report}: {value} is still at {offset}")

    def _was_cut(self, offset: int) -> bool:
        return any(kind == TRUNCATED and begin <= offset < end for kind, begin, end in self.losses)

    def _is_blind(self, log: Log, offset: int) -> bool:
        """Whether it is before a start at the latest: no epoch is known there that would tell of a cut."""
        return log.lowest_cut <= offset < self.begin

    def _is_replaced(self, log: Log, offset: int) -> bool:
        """Whether a cut below what was read may have put another record there.

        Where that one is deleted before anybody looks, no broker tells of it: the log begins behind it, and
        what was read ends where the log begins.
        """
        return log.lowest_cut <= offset < self.cursor

    def settle(self, log: Log, floor: int) -> None:
        """Everything has been mended and read: whatever there was is counted, or its loss told.

        Args:
            floor: values below it may have been passed over by the start position.
        """
        for offset in range(log.start, log.end):
            value = log.kept[offset - log.start]
            is_early = offset < self.begin and value is not None and value < floor
            excused = value is None or value in self.counted or is_early or self._is_blind(log, offset)
            must(excused, f"{value} at offset {offset} of {self.split} is never read")
        for offset in range(self.begin, log.start):
            value = log.ever[offset][-1]
            counted = value is None or value in self.counted
            known = counted or self.is_lost(offset) or self._is_replaced(log, offset)
            must(known, f"{value} at offset {offset} of {self.split} was deleted, and nobody was told")
        for value, offset in self.counted.items():
            known = offset < log.start or log.holds(offset, value) or self._was_cut(offset)
            must(known, f"{value} at offset {offset} of {self.split} was cut off, and nobody was told")
