"""Holds what came of a history against what its commands did to the brokers."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from tests.model.brokers import Brokers
from tests.model.lineage import CLUSTER_REPLACED, TOPIC_REPLACED, Account, BrokenPromiseError, must

_NOW = -1
Split = tuple[str, int]
Accounts = dict[str, Account]


def judge(commands: list[str], trace: list[Any]) -> None:
    """Raises `BrokenPromiseError` where the job broke a promise."""
    words = commands[0].split()
    judging = _Judging(Brokers(int(words[2]), int(words[3])), words[1] == "latest", words[6])
    for event in trace:
        if isinstance(event, int):
            judging.command(commands[event])
        else:
            judging.event(*event)


class _Judging:
    def __init__(self, brokers: Brokers, from_latest: bool, document: str) -> None:
        self._brokers = brokers
        self._from_latest = from_latest
        self._places: defaultdict[str, set[int]] = defaultdict(set)  # of each name, in all documents so far
        self._names_moved = False
        self._policy = ""
        self._accounts: Accounts = {}
        self._base: dict[int, Accounts] = {}
        self._snapshots: dict[int, Accounts] = {}
        self._checkpoints: dict[int, dict[int, Accounts]] = {-1: {}}
        self._parallelism = 0
        self._job_floor = 0
        self._floors: dict[str, int] = {}
        self._unanswered: set[int] = set()
        self._is_restored = False
        self._reported: dict[int, set[str]] = {}
        self._held: dict[int, set[str]] = {}
        self._hurt: set[int] = set()
        self._was_shared: set[int] = set()
        self._outdated: set[str] = set()  # logs that were gone when the enumerator was shown them
        self._publish(document)

    def event(self, what: str, *details: Any) -> None:
        if what != "assigned":
            self._balanced()
        getattr(self, f"on_{what}")(*details)

    def _balanced(self) -> None:
        """Of whoever was given splits just now, nobody has more than one above another.

        Where some are of a topic that was created again, each of them may count or not: who knows of that,
        and when, is a matter of moments.
        """
        least = min(map(len, self._held.values()), default=0)
        most = max(
            (sum(not self._superseded(name) for name in self._held[each]) for each in self._was_shared),
            default=0,
        )
        must(most - least <= 1, f"somebody is given {most - least} splits more than another has")
        self._was_shared = set()

    def _superseded(self, name: str) -> bool:
        """Whether somebody was given a log of a later topic of that cluster."""
        order = list(self._brokers.logs)
        cluster, topic, _ = name.split("/")
        later = [each for each in order[order.index(name) :] if f"/{topic}/" not in each]
        return any(each in self._accounts for each in later if each.startswith(f"{cluster}/"))

    def command(self, command: str) -> None:
        self._brokers.play(command.split("|")[0])
        if command.startswith("publish"):
            self._names_moved = True
            self._publish(command.split()[1])

    def on_meanwhile(self, command: str) -> None:
        self._brokers.play(command)

    def on_broken(self, why: str) -> None:
        raise RuntimeError(f"the world itself broke: {why}")

    def on_died(self, error: str, why: str) -> None:
        raise BrokenPromiseError(f"the job died: {error}: {why}")

    # The life of a job.

    def on_started(self, checkpoint: int, parallelism: int, policy: str) -> None:
        self._policy = policy
        self._parallelism = parallelism
        parts = self._checkpoints[checkpoint].values()
        self._accounts = {name: each.copy() for part in parts for name, each in part.items()}
        for account in self._accounts.values():
            account.owner, account.is_taken = -1, False
        self._base, self._snapshots = {}, {}
        self._held = {subtask: set() for subtask in range(parallelism)}
        self._hurt = set()
        self._is_restored = checkpoint >= 0
        if checkpoint < 0:
            self._job_floor = self._brokers.values
            self._unanswered = set()

    def on_restored(self, subtask: int, *splits: Split) -> None:
        for name, offset in splits:
            account = self._accounts[name]
            must(account.owner in (-1, subtask), f"{name} is restored twice")
            self._same(account, offset)
            account.owner, account.is_taken = subtask, True
        self._base.setdefault(subtask, self._of(subtask))
        given_up = {name for name, _ in splits if self._accounts[name].is_retired}
        dropped = given_up if self._policy == "RESET" else set()
        self._reported[subtask] = {name for name, _ in splits} - dropped
        if subtask not in self._hurt:
            self._held[subtask] = set(self._reported[subtask])

    def on_failed(self, subtask: int, _checkpoint: int) -> None:
        self._hurt.add(subtask)
        for name, account in self._of(subtask).items():
            fresh = Account(name, account.begin, account.begin, owner=subtask)
            self._accounts[name] = self._base[subtask].get(name, fresh).copy()

    def on_returned(self, subtask: int, *splits: Split) -> None:
        for name, _ in splits:
            must(name not in self._base[subtask], f"{name} is returned, and has a reader")
            del self._accounts[name]
        # Only now the coordinator hears of the failure.
        self._held[subtask] = set(self._reported[subtask])

    def on_snapshot(self, subtask: int, *splits: Split) -> None:
        kept = self._of(subtask)
        listed = {name for name, _ in splits}
        for name, offset in splits:
            must(name in kept, f"subtask {subtask} has {name}, which it was not given")
            self._same(kept[name], offset)
        for name, account in kept.items():
            given_up = account.is_retired or not account.is_taken
            must(name in listed or given_up, f"{name} is missing in a checkpoint")
        self._snapshots[subtask] = {name: each for name, each in kept.items() if each.is_taken}

    def on_completed(self, checkpoint: int) -> None:
        self._base, self._snapshots = self._snapshots, {}
        retired = {name: each for name, each in self._of(-1).items() if each.is_retired}
        self._checkpoints[checkpoint] = {**self._base, -1: retired}

    def _of(self, subtask: int) -> Accounts:
        return {name: each.copy() for name, each in self._accounts.items() if each.owner == subtask}

    def _same(self, account: Account, offset: int) -> None:
        log = self._brokers.logs[account.split]
        passed = account.cursor <= offset and account.may_pass(log, offset)
        must(passed, f"{account.split} is at {account.cursor}, its state at {offset}")

    # What the enumerator does.

    def on_unanswered(self, primary: str) -> None:
        # Of a name that has moved it is not known here at which address it was asked.
        if len(self._places[primary]) == 1:
            self._unanswered |= self._places[primary]

    def _publish(self, document: str) -> None:
        for each in document.split(","):
            name, place = each.rstrip("!").split("=")
            self._places[name].add(int(place) % len(self._brokers.all))

    def on_looked(self, name: str) -> None:
        cluster, topic, _ = name.split("/")
        if self._brokers.logs[name].is_gone:
            self._outdated.add(name)
        if self._policy != "RESET":
            for other in self._accounts:
                its_cluster, its_topic, _ = other.split("/")
                replaced = its_cluster == cluster and its_topic != topic
                moved = self._names_moved or its_cluster.split(".")[0] != cluster.split(".")[0]
                must(not replaced, f"{name} is read, which took the place of {other}")
                must(moved or its_cluster == cluster, f"{name} is read, which took the place of {other}")
        if not self._from_latest or any(each.startswith(cluster + "/") for each in self._accounts):
            self._floors[name] = 0
        elif self._is_restored or int(cluster[1:].split(".")[0]) in self._unanswered:
            self._floors[name] = self._job_floor
        else:
            self._floors[name] = _NOW

    def on_resolved(self, name: str) -> None:
        if self._floors[name] == _NOW:
            self._floors[name] = self._brokers.values

    def on_assigned(self, subtask: int, *splits: Split) -> None:
        for name, offset in splits:
            must(name not in self._accounts, f"{name} is assigned twice")
            log = self._brokers.logs[name]
            must(self._from_latest or offset in log.starts, f"{name} begins at {offset}")
            self._accounts[name] = Account(name, offset, offset, owner=subtask)
            self._held[subtask].add(name)
        self._was_shared.add(subtask)

    def on_taken(self, subtask: int, *splits: Split) -> None:
        for name, _ in splits:
            must(self._accounts[name].owner == subtask, f"{name} went astray")
            self._accounts[name].is_taken = True

    # What the readers do.

    def on_record(self, subtask: int, name: str, offset: int, value: int) -> None:
        account = self._account(subtask, name)
        account.count(self._brokers.logs[name], offset, value)

    def on_loss(self, subtask: int, name: str, kind: str, begin: int, end: int) -> None:
        account = self._account(subtask, name)
        self._true_of_cluster(name, kind)
        reads_on = self._policy == "RESET"
        account.lose(self._brokers.logs[name], kind, begin, end, reads_on=reads_on)

    def on_refused(self, _subtask: int, name: str, kind: str, begin: int, end: int) -> None:
        must(self._policy == "FAIL", f"policy {self._policy} failed the job")
        self._true_of_cluster(name, kind)
        copy = self._accounts[name].copy()
        copy.lose(self._brokers.logs[name], kind, begin, end, reads_on=False)

    def _account(self, subtask: int, name: str) -> Account:
        account = self._accounts.get(name)
        if account is None or account.owner != subtask or not account.is_taken:
            raise BrokenPromiseError(f"subtask {subtask} reads {name}, which it was not given")
        return account

    def _true_of_cluster(self, name: str, kind: str) -> None:
        if kind == CLUSTER_REPLACED:
            current = {broker.cluster for broker in self._brokers.all}
            gone = name.split("/")[0] not in current
            must(gone or self._names_moved, f"the cluster of {name} is there")

    def on_drained(self) -> None:
        if self._policy != "RESET":
            return
        for broker in self._brokers.all:
            for partition, log in enumerate(broker.logs):
                account = self._accounts.get(broker.name(partition))
                if account is None:
                    raise BrokenPromiseError(f"{broker.name(partition)} has no reader")
                account.settle(log, self._floors[account.split])
        for account in self._accounts.values():
            self._told(account)

    def _told(self, account: Account) -> None:
        """The loss of a log that is gone as a whole is reported, and once."""
        cluster = account.split.split("/")[0]
        kinds = Counter(kind for kind, _, _ in account.losses)
        if any(broker.cluster == cluster for broker in self._brokers.all):
            gone = self._brokers.logs[account.split].is_gone
            if account.split in self._outdated and not kinds[TOPIC_REPLACED]:
                return  # Nothing tells it from a topic that only some brokers have heard of yet.
            must(kinds[TOPIC_REPLACED] == gone, f"{account.split}: {dict(kinds)}, gone: {gone}")
        elif not self._names_moved:
            is_told = kinds[TOPIC_REPLACED] == 1 or kinds[CLUSTER_REPLACED] == 1
            must(is_told, f"{account.split}: {dict(kinds)}")
