"""``anabranch produce``: lines to records, through Prism."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from anabranch.cli.line_keys import Split, splitter
from anabranch.cli.stream_options import SECONDS, emit_json, topology_option
from anabranch.errors import AnabranchError, ConfigurationError, DeliveryError

if TYPE_CHECKING:
    from anabranch.connectors import Delivery, PrismProducer, ProducerStats

__all__ = ["command"]

_PROGRESS_S = 1.0
# Where nothing can be drawn over, a line that says nothing new is worth no more than a sign of life.
_UNCHANGED_S = 15.0
# More than a handful of complaints about single lines say nothing new.
_COMPLAINTS = 5
# An upsert waits for the one before of its key, so that is the time it takes.
_UPSERT_CONFIG = {"linger.ms": 5}
_REST_S = 0.001
# A log-in that is refused and a topic that is missing do not mend by themselves, except on a broker that has
# only just started, or for a topic that is being created.
_REFUSED_S = 5.0
# Who presses Ctrl-C does not want to wait, but a primary that works acknowledges within that.
_LEAVE_S = 3.0
_NOT_WRITTEN = "not written"


@click.command("produce")
@click.argument("stream")
@click.argument("file", type=click.File("rb"), default="-")
@topology_option
@click.option(
    "--id-scope",
    metavar="SCOPE",
    help="Ids are the line numbers in this scope (a run, a file): the same lines sent again count once.",
)
@click.option(
    "--key",
    "key_fields",
    metavar="FIELD",
    help="The Kafka key is the text of this field of the line's JSON; it says which records go together, not "
    "which is the newest. With --upsert: FIELD[,FIELD…], the key of the upsert.",
)
@click.option(
    "--upsert",
    is_flag=True,
    help="Of each key the last line counts: records get a version, and the JSON key that jobs write.",
)
@click.option("--key-separator", metavar="TEXT", help="The key is what precedes the first TEXT of a line.")
@click.option("--home", metavar="PRIMARY", help="Write to this primary while it works.")
@click.option("--hedge-after", "hedge_after_s", type=SECONDS, default=0.5, show_default=True, metavar="S")
@click.option("--max-block", "max_block_s", type=SECONDS, default=60.0, show_default=True, metavar="S")
@click.option(
    "--degrade-after",
    "degrade_after_s",
    type=SECONDS,
    metavar="S",
    help="Where the stream wants several copies: once too few primaries have worked for so long, lines do "
    "with those that can be had, and are counted. Without it they wait.",
)
@click.option("--json", "as_json", is_flag=True, help="The summary as one JSON object on stdout.")
def command(
    stream: str,
    file: BinaryIO,
    topology: str,
    id_scope: str | None,
    key_fields: str | None,
    upsert: bool,
    key_separator: str | None,
    home: str | None,
    hedge_after_s: float,
    max_block_s: float,
    degrade_after_s: float | None,
    as_json: bool,
) -> None:
    """Writes each line of FILE (or standard input) as one record to STREAM.

    A line goes to whichever primary works; the command is done when each line is acknowledged. Lines that no
    primary wants or that have no key are left out, are named (the first five), and make the command fail in
    the end. Where no primary takes any for --max-block, or each refuses the log-in or lacks the topic, it
    fails. Ctrl-C and SIGTERM give what is under way a moment, and say what became of the lines.
    """
    from anabranch.connectors import PrismProducer
    from anabranch.connectors.flink.interrupts import raising_on_sigterm

    if id_scope is not None and not id_scope.strip():
        # All that is sent with it would count as one file: of two, dedup drops the second.
        raise click.BadParameter("give it a name, such as that of the file", param_hint="--id-scope")
    split = splitter(key_fields, key_separator, upsert=upsert)
    with (
        raising_on_sigterm(),
        PrismProducer(
            topology,
            stream,
            home=home,
            hedge_after_s=hedge_after_s,
            max_block_s=max_block_s,
            degrade_after_s=degrade_after_s,
            config=_UPSERT_CONFIG if upsert else {},
        ) as producer,
    ):
        run = _Run(producer, max_block_s, upsert=upsert, quiet=as_json)
        try:
            run.send_all(file, split, id_scope)
        except KeyboardInterrupt:
            run.leave()
            raise
        stats = producer.stats()
    if as_json:
        emit_json(asdict(stats))
    if run.failed:
        raise DeliveryError(
            f"{run.failed} of {_lines(run.lines)} {run.fates()}", where=f"stream {stream}", hint=run.hint
        )


class _Run:
    """Sends lines and tells how it goes."""

    def __init__(self, producer: PrismProducer, max_block_s: float, *, upsert: bool, quiet: bool) -> None:
        from anabranch.connectors.versions import VersionClock

        self.lines = 0
        self.hint: str | None = None  # of the last line that was left out
        self._fates: Counter[str] = Counter()
        self._sent = 0
        self._held: list[tuple[int, AnabranchError, str]] | None = None
        self._versions = VersionClock() if upsert else None
        self._under_way: set[bytes] = set()
        self._refused_since: float | None = None
        self._given_up = False
        self._producer = producer
        self._max_block_s = max_block_s
        self._quiet = quiet
        self._began = self._told = self._written = time.monotonic()
        self._counts: tuple[int, ...] = ()  # that the last line told
        self._troubles: dict[str, int] = {}  # of the primaries, and how many lines each cost

    @property
    def failed(self) -> int:
        """Lines that were left out, or have fewer copies than do; with --degrade-after, fewer may do."""
        return self._fates.total()

    def fates(self) -> str:
        """What is known of those that failed: some primaries may have them."""
        told = [f"{count} {'was' if count == 1 else 'were'} {fate}" for fate, count in self._fates.items()]
        return told[0].partition(" ")[2] if len(told) == 1 else f"failed: {', '.join(told)}"

    def send_all(self, file: BinaryIO, split: Split, id_scope: str | None) -> None:
        """Sends each line and waits for it; also where one cannot be sent, for those before it."""
        try:
            self.send(file, split, id_scope)
        except Exception:
            self.finish()
            raise
        self.finish()

    def leave(self) -> None:
        """After Ctrl-C or SIGTERM: gives what is under way a moment, and says what became of the lines."""
        if sys.stderr.isatty():
            click.echo(err=True)  # behind what is drawn over
        if left := self._producer.poll():
            waits = f"waiting {_LEAVE_S:.0f} s for the {_lines(left)} under way"
            click.echo(f"interrupted; {waits}, Ctrl-C once more leaves", err=True)
        try:
            self._producer.flush(_LEAVE_S)
        finally:
            self._given_up = True  # what fails now needs no complaint of its own
            self._producer.close(timeout_s=0)
            done = self._producer.stats().done
            told = [f"{done} acknowledged", *(f"{count} {fate}" for fate, count in self._fates.items())]
            if unsent := self.lines - done - self.failed:
                told.append(f"{unsent} not sent")
            click.echo(f"of {_lines(self.lines)} that were read: {', '.join(told)}", err=True)

    def send(self, file: BinaryIO, split: Split, id_scope: str | None) -> None:
        from anabranch.connectors import RecordId

        for number, raw in enumerate(file):
            self.lines += 1
            try:
                key, value = split(raw.removesuffix(b"\n").removesuffix(b"\r"), number + 1)
            except ConfigurationError as error:
                self.hint = error.hint
                self._fail(number + 1, AnabranchError(error.message))
                continue
            while not self._sent and self._refusals():
                # Known before the first line came: to send it would only wait in the producer.
                self._look()
                time.sleep(_REST_S)
            record_id = None if id_scope is None else RecordId.supplied(id_scope, number)
            headers, on_done = self._version(key), self._done(number + 1, key)
            self._sent += 1
            if self._sent == 1:
                self._send_first(value, key=key, id=record_id, headers=headers, on_done=on_done)
            else:
                self._producer.send(value, key=key, id=record_id, headers=headers, on_done=on_done)
            self._look()

    def _send_first(self, value: bytes, **record: Any) -> None:
        """Waits for it; else the second might wait in the producer, for any primary to come back."""
        began, self._held = time.monotonic(), []
        self._producer.send(value, **record)
        self._wait()
        held, self._held = self._held, None
        if held and time.monotonic() - began >= self._max_block_s:
            # So would each of the others wait.
            [(_, error, fate)] = held
            why = error.where or error.message
            raise DeliveryError(
                f"the first line was {fate} within --max-block, and none after it was tried: {why}",
                where=f"stream {self._producer.stream}",
                hint=error.hint,
            )
        for line, error, _ in held:
            self._complain(line, error)

    def _version(self, key: bytes | None) -> list[tuple[str, bytes | None]]:
        """The header of an upsert, once its key's last record is done.

        Sent again, that one could come behind this one in a log, and compaction keeps what is last there.
        """
        from anabranch.connectors import record_headers

        if self._versions is None or key is None:
            return []
        while key in self._under_way:
            self._producer.poll()
            self._look()
            time.sleep(_REST_S)
        self._under_way.add(key)
        return [(record_headers.VERSION, self._versions.next())]

    def finish(self) -> None:
        """Waits for what is in flight, telling how it goes.

        Raises:
            DeliveryError: No primary can be used before somebody mends something.
        """
        self._wait()
        self._tell(last=True)
        for trouble, lines in self._troubles.items():
            if lines > 1 and not self._given_up:
                click.echo(f"{lines} lines: {trouble}", err=True)

    def _wait(self) -> None:
        deadline = time.monotonic() + self._max_block_s + 1
        while self._producer.flush(_PROGRESS_S) and time.monotonic() < deadline:
            self._look()

    def _refusals(self) -> dict[str, str]:
        """Why each primary takes nothing, if none has so far and each needs a person's help; else empty."""
        from anabranch.connectors.troubles import lasts

        primaries = self._producer.stats().primaries
        asked = {name: each for name, each in primaries.items() if each.state not in ("gone", "twin")}
        if any(each.acked or not lasts(each.reason) for each in asked.values()):
            return {}
        return {name: each.reason for name, each in asked.items()}

    def _end_if_refused(self) -> None:
        from anabranch.connectors.troubles import next_step

        refusals = self._refusals()
        if not refusals:
            self._refused_since = None
            return
        self._refused_since = self._refused_since or time.monotonic()
        if time.monotonic() - self._refused_since < min(_REFUSED_S, self._max_block_s):
            return
        self._given_up = True
        self._producer.close(timeout_s=0)
        reasons = "\n".join(f"    {name}: {reason}" for name, reason in refusals.items())
        raise DeliveryError(
            f"no primary takes records:\n{reasons}",
            where=f"stream {self._producer.stream}",
            hint=next_step(reasons, "mend what they say"),
        )

    def _look(self) -> None:
        if time.monotonic() - self._told >= _PROGRESS_S:
            self._tell()
            self._end_if_refused()

    def _done(self, line: int, key: bytes | None) -> Callable[[Delivery], None]:
        def done(delivery: Delivery) -> None:
            if key is not None:
                self._under_way.discard(key)
            if delivery.error is None:
                return
            self.hint = delivery.error.hint
            self._fail(line, delivery.error, _fate(delivery))

        return done

    def _fail(self, line: int, error: AnabranchError, fate: str = _NOT_WRITTEN) -> None:
        self._fates[fate] += 1
        if self._held is None:
            self._complain(line, error)
        else:
            self._held.append((line, error, fate))

    def _complain(self, line: int, error: AnabranchError) -> None:
        if error.retryable:
            # Of the primaries, so that each line fails by it in the same words.
            lines = self._troubles[error.message] = self._troubles.get(error.message, 0) + 1
            if lines > 1:
                return
        if self.failed <= _COMPLAINTS and not self._given_up:
            click.echo(f"line {line}: {error}", err=True)

    def _tell(self, *, last: bool = False) -> None:
        self._told = time.monotonic()
        if self._quiet:
            return
        stats = self._producer.stats()
        text = _sentence(stats, self._told - self._began)
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[2K{text}", err=True, nl=last)
            return
        acked = (each.acked for each in stats.primaries.values())
        counts = (stats.records, stats.done, stats.failed, *acked)
        if last or counts != self._counts or self._told - self._written >= _UNCHANGED_S:
            self._counts, self._written = counts, self._told
            click.echo(text, err=True)


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def _fate(failed: Delivery) -> str:
    """Where a record is that has failed, in words that follow "was"."""
    if failed.acks:
        return f"written to {' and '.join(ack.primary for ack in failed.acks)} only"
    return "not acknowledged" if failed.ambiguous else _NOT_WRITTEN


def _sentence(stats: ProducerStats, seconds: float) -> str:
    parts = []
    for name, primary in stats.primaries.items():
        hedged = f", {primary.hedged} hedged" if primary.hedged else ""
        state = f" {primary.state}" if primary.state != "closed" else ""
        parts.append(f"{name} {primary.acked}{hedged}{state}")
    failed = f", {stats.failed} failed" if stats.failed else ""
    degraded = f", {stats.degraded} with too few copies" if stats.degraded else ""
    acknowledged = f"{stats.done} of {stats.records} acknowledged in {seconds:.1f} s ({'; '.join(parts)})"
    return f"{acknowledged}{degraded}{failed}"
