"""The state machine: what may happen to brokers, document and job, in any order."""

from __future__ import annotations

import string
from typing import ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.model.judge import judge
from tests.model.jvm import WorldJvm
from tests.model.lineage import BrokenPromiseError

POLICIES = ("RESET", "RESET", "PARK", "FAIL")
MOMENTS = ("none", "POLLED", "POLLED!", "BEFORE_HAND_OVER", "BEFORE_HAND_OVER!", "AFTER_HAND_OVER!")
_PLACE = st.integers(0, 2)
_FEW = st.integers(1, 5)
_MEANWHILE = st.one_of(
    st.builds("{} {} {} {}".format, st.sampled_from(("produce", "trim", "elect")), _PLACE, _PLACE, _FEW),
    st.builds("{} {}".format, st.sampled_from(("kill", "wipe", "delete", "create")), _PLACE),
    st.builds("deliver {} {}".format, _PLACE, _FEW),
    st.builds("emit {} {}".format, _PLACE, _FEW),
)


class UnionHistory(RuleBasedStateMachine):
    """Collects commands; the history is played and judged when it ends."""

    jvm: ClassVar[WorldJvm]

    def __init__(self) -> None:
        super().__init__()
        self._commands: list[str] = []
        self._places: dict[str, str] = {}
        self._brokers = 0
        self._behind = ""  # whose brokers lag, the readers' or the probes'; never both in one history

    @initialize(
        start=st.sampled_from(("earliest", "earliest", "latest")),
        brokers=st.integers(1, 3),
        partitions=st.integers(1, 2),
        policy=st.sampled_from(POLICIES),
        parallelism=st.integers(1, 3),
        named=st.integers(1, 3),
        runs=st.booleans(),
        behind=st.sampled_from(("lag", "outdate")),
    )
    def begin(
        self,
        start: str,
        brokers: int,
        partitions: int,
        policy: str,
        parallelism: int,
        named: int,
        runs: bool,
        behind: str,
    ) -> None:
        self._brokers = brokers
        self._behind = behind
        self._places = {name: str(place) for place, name in enumerate("abc"[: min(named, brokers)])}
        words = ("new", start, brokers, partitions, policy, parallelism, self._document())
        self._do(*words)
        for broker in range(brokers if runs else 0):
            self._do("produce", broker, 0, 4)
        if runs:
            self._do("settle")
            self._do("settle")

    def _document(self) -> str:
        return ",".join(f"{name}={place}" for name, place in self._places.items())

    def _do(self, *words: object) -> None:
        self._commands.append(" ".join(map(str, words)))

    @rule(broker=_PLACE, partition=_PLACE, count=_FEW)
    def produce(self, broker: int, partition: int, count: int) -> None:
        self._do("produce", broker, partition, count)

    @rule(verb=st.sampled_from(("mark", "trim", "elect")), broker=_PLACE, partition=_PLACE, count=_FEW)
    def change_log(self, verb: str, broker: int, partition: int, count: int) -> None:
        self._do(verb, broker, partition, count)

    @rule(verb=st.sampled_from(("kill", "revive", "wipe", "delete", "create", "grow")), broker=_PLACE)
    def change_broker(self, verb: str, broker: int) -> None:
        self._do(verb, broker)

    @rule(broker=_PLACE, times=st.integers(0, 2), looks=st.booleans())
    def lag(self, broker: int, times: int, looks: bool) -> None:
        """Some brokers of a cluster have not heard yet of the topic that is there now."""
        for _ in range(times):
            self._do("delete", broker)
            self._do("create", broker)
        self._do(self._behind, broker)
        if looks:
            self._do("tick")
            self._do("settle")

    @rule(broker=_PLACE)
    def catch_up(self, broker: int) -> None:
        self._do("catchup", broker)

    @rule()
    def settle(self) -> None:
        self._do("settle")

    @rule(number=_PLACE, steps=st.integers(1, 4))
    def probe(self, number: int, steps: int) -> None:
        self._do("probe", number, steps)

    @rule(subtask=st.integers(-1, 2), count=_FEW)
    def deliver(self, subtask: int, count: int) -> None:
        if subtask < 0:
            self._do("coordinate", count)
        else:
            self._do("deliver", subtask, count)

    @rule(subtask=_PLACE, fetcher=_PLACE, limit=_FEW, moment=st.sampled_from(MOMENTS))
    def fetch(self, subtask: int, fetcher: int, limit: int, moment: str) -> None:
        self._do("fetch", subtask, fetcher, limit, moment)

    @rule(
        subtask=_PLACE,
        moment=st.sampled_from(MOMENTS[1:]),
        others=st.lists(_MEANWHILE, min_size=1, max_size=2),
    )
    def fetch_and_meanwhile(self, subtask: int, moment: str, others: list[str]) -> None:
        self._do("fetch", subtask, 0, 5, "|".join((moment, *others)))

    @rule(broker=_PLACE, how=st.sampled_from(("wipe", "recreate", "elect")), subtask=_PLACE, fetcher=_PLACE)
    def replace_under_a_reader(self, broker: int, how: str, subtask: int, fetcher: int) -> None:
        """Another log is in the place of one that is read, and as long."""
        if how == "recreate":
            self._do("delete", broker)
            self._do("create", broker)
        elif how == "wipe":
            self._do("wipe", broker)
        else:
            self._do("elect", broker, 0, 2)
        self._do("produce", broker, 0, 9)
        for _ in range(2):
            self._do("fetch", subtask, fetcher, 5, "none")

    @rule(subtask=_PLACE, fetcher=_PLACE, count=_FEW)
    def read(self, subtask: int, fetcher: int, count: int) -> None:
        for _ in range(3):
            self._do("fetch", subtask, fetcher, 5, "none")
        self._do("emit", subtask, count)

    @rule(subtask=_PLACE, count=_FEW)
    def emit(self, subtask: int, count: int) -> None:
        self._do("emit", subtask, count)

    @rule(name=st.sampled_from("abc"))
    def leave_and_come_back(self, name: str) -> None:
        """All readers hear of it, and whatever they are about goes on."""
        others = {each: place for each, place in self._places.items() if each != name}
        if name in self._places and any(not place.endswith("!") for place in others.values()):
            without = ",".join(f"{each}={place}" for each, place in others.items())
            for document in (without, self._document()):
                self._do("publish", document)
                self._do("coordinate", 5)
                for subtask in range(3):
                    self._do("deliver", subtask, 5)

    @rule()
    def tick(self) -> None:
        self._do("tick")

    @rule()
    def checkpoint(self) -> None:
        self._do("checkpoint")

    @rule(back=st.integers(0, 3), parallelism=st.integers(1, 3), policy=st.sampled_from(POLICIES))
    def restore(self, back: int, parallelism: int, policy: str) -> None:
        self._do("restore", back, parallelism, policy, "published")

    @rule(subtask=_PLACE)
    def fail_task(self, subtask: int) -> None:
        self._do("fail", subtask)

    @rule(name=st.sampled_from("abc"), how=st.sampled_from(("0", "1", "2", "drop", "tombstone")))
    def publish(self, name: str, how: str) -> None:
        before = dict(self._places)
        if how == "drop":
            self._places.pop(name, None)
        elif how == "tombstone":
            self._places[name] = self._places.get(name, "0").rstrip("!") + "!"
        else:
            self._places[name] = how
        if all(place.endswith("!") for place in self._places.values()):
            self._places = before
        self._do("publish", self._document())

    def _mend(self) -> None:
        for broker in range(self._brokers):
            self._do("revive", broker)
            self._do("catchup", broker)
            self._do("create", broker)
        named = {int(place) % self._brokers for place in self._places.values() if not place.endswith("!")}
        free = (name for name in string.ascii_lowercase if name not in self._places)
        for broker in set(range(self._brokers)) - named:
            self._places[next(free)] = str(broker)
        if any(command.startswith("publish") for command in self._commands) or len(named) < self._brokers:
            self._do("publish", self._document())
        self._do("drain")
        self._do("checkpoint")
        self._do("drain")
        self._do("restore", 0, 2, "RESET", "published")
        self._do("drain")

    def teardown(self) -> None:
        if not self._commands:
            return
        self._mend()
        try:
            judge(self._commands, self.jvm.play(self._commands))
        except BrokenPromiseError as broken:
            raise BrokenPromiseError(f"{broken}\n  history: {';'.join(self._commands)}") from None
