"""What can be told before Flink starts: that a stream is not there, that no broker or no Flink answers."""

from __future__ import annotations

import difflib
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anabranch.connectors.client_log import QuietLog
from anabranch.errors import AnabranchError, ConfigurationError, JobError, UnavailableError
from anabranch.pipelines.rest import RestClient
from anabranch.pipelines.uris import local_path
from anabranch.topology import Group, Primary, Topology, await_token, librdkafka_config
from anabranch.topology.load import load_last_good
from anabranch.topology.store import is_read_here, public_uri

if TYPE_CHECKING:
    from anabranch.pipelines.bindings import Use

__all__ = ["check_archive", "check_checkpoints", "check_cluster", "check_streams"]

# A primary that needs longer is reported as not answering, and the job starts without it.
_ANSWER_LIMIT_S = 5.0
_DEFAULT_PLACE = "checkpoints.dir"


@dataclass
class _Answer:
    """What one primary said: its topics, or why it said nothing."""

    name: str
    topics: frozenset[str] = frozenset()
    silence: str | None = None
    refused: bool = False
    reasons: list[str] = field(default_factory=list)


def check_cluster(address: str) -> None:
    """Asks whether a Flink answers at ``host:port``.

    Raises:
        UnavailableError: Nobody does, or it is not Flink.
    """
    try:
        RestClient(f"http://{address}", timeout_s=_ANSWER_LIMIT_S).get("/overview")
    except (UnavailableError, JobError) as error:
        raise UnavailableError(
            error.message,
            where=f"--cluster {address}",
            hint="give the address of a session cluster's web page; `anabranch dev status` shows the local "
            "one; without --cluster Flink runs here",
        ) from None


def check_checkpoints(uri: str, where: str) -> None:
    """Writes a file to the folder of the checkpoints, if it is one of this machine's, and removes it.

    Args:
        uri: The folder.
        where: What chose it; ``checkpoints.dir`` where nothing did.

    Raises:
        ConfigurationError: That is not possible.
    """
    try:
        _try_to_write(uri)
    except OSError as error:
        # Nobody chose the default, and logs and notes of runs go there too.
        home = ", or by XDG_STATE_HOME for all that a run writes" if where == _DEFAULT_PLACE else ""
        raise ConfigurationError(
            f"no checkpoints can be written to {local_path(uri)}: {error.strerror}",
            where=where,
            hint=f"give another folder by --checkpoint-dir or checkpoints.dir{home}",
        ) from None


def check_archive(uri: str, where: str) -> None:
    """The same of an archive's folder, into which Flink would look only when the first record has come.

    Args:
        uri: The folder.
        where: Line of the job that archives.

    Raises:
        ConfigurationError: Nothing can be written there.
    """
    try:
        _try_to_write(uri)
    except OSError as error:
        raise ConfigurationError(
            f"no archive can be written to {local_path(uri)}: {error.strerror}",
            where=where,
            hint="give another folder by --archive, `archive:` in job.yaml, or to= in that line",
        ) from None


def _try_to_write(uri: str) -> None:
    path = local_path(uri)
    if path is not None:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass


def check_streams(uses: Sequence[Use]) -> list[str]:
    """Looks whether each stream of a job is known and has its topic on each primary that answers.

    A document is the cached one where its publisher is down. Of a URI that only Flink reads there may be
    none to check by, and that is no reason not to start. Nor is one primary that is down: it is reported.
    None of a group that answers is.

    Args:
        uses: The job's streams.

    Returns:
        Lines worth showing.

    Raises:
        ConfigurationError: A document is absent or invalid, a stream is not in its own, a topic is not on a
            primary, or a primary refuses the credentials.
        UnavailableError: No primary of a group answers; or neither does the topology's publisher, and no copy
            is cached.
    """
    notes = []
    for topology in dict.fromkeys(use.topology for use in uses):
        notes += _check_document(
            topology, {use.stream: use.where for use in uses if use.topology == topology}
        )
    return notes


def _check_document(topology: str, wanted: Mapping[str, str]) -> list[str]:
    document, notes = _document(topology)
    if document is None:
        return notes
    place = public_uri(topology)
    known = {stream: name for name, group in document.groups.items() for stream in group.streams}
    for stream, where in wanted.items():
        if stream not in known:
            raise _unknown(stream, where, sorted(known), place)
    for name in sorted({known[stream] for stream in wanted}):
        streams = {stream: where for stream, where in wanted.items() if known[stream] == name}
        notes += _check_group(name, document.groups[name], streams, place)
    return notes


def _document(topology: str) -> tuple[Topology | None, list[str]]:
    """What to check by, and what is to be said of it."""
    try:
        loaded = load_last_good(topology)
    except AnabranchError as error:
        if is_read_here(topology) and not isinstance(error, UnavailableError):
            raise  # a wrong path or a mistake in the document: better told now
        where = public_uri(topology)
        if is_read_here(topology):  # Flink would look for half a minute and then say the same
            raise UnavailableError(
                f"{error.message}, and no copy of it is cached",
                where=where,
                hint="is the address right, and its publisher up? --no-check if only Flink reaches it",
            ) from None
        return None, [
            f"streams and brokers are not checked: only Flink reads {where}, and no copy of it is cached"
        ]
    if loaded.problem is None:
        return loaded.topology, []
    cached = f"checked against generation {loaded.topology.generation} of the topology, from the cache"
    return loaded.topology, [f"{cached}: {str(loaded.problem).splitlines()[0]}"]


def _unknown(stream: str, where: str, known: Sequence[str], place: str) -> ConfigurationError:
    # Nobody may have asked for it: it is the default.
    otherwise = "; add it, or have bad records fail the job: --dead-letters ''"
    close = difflib.get_close_matches(stream, known, 1)
    start = f"did you mean {close[0]}? " if close else ""
    return ConfigurationError(
        f"the topology has no stream {stream!r}",
        where=where,
        hint=f"{start}{place} has: {', '.join(known)}{otherwise if where == 'dead_letters' else ''}",
    )


def _check_group(name: str, group: Group, streams: dict[str, str], place: str) -> list[str]:
    present = {key: primary for key, primary in group.primaries.items() if primary.state != "removed"}
    with ThreadPoolExecutor(max_workers=len(present)) as pool:
        answers = list(pool.map(lambda key: _ask(key, present[key]), present))
    for answer in answers:
        if answer.refused:
            raise ConfigurationError(
                f"primary {answer.name} refuses the credentials: {answer.silence}",
                where=place,
                hint=f"check groups.{name}.primaries.{answer.name}.auth and the secrets that it refers to",
            )
    _check_topics(name, group, streams, [answer for answer in answers if answer.silence is None])
    silent = [f"{answer.name} ({answer.silence})" for answer in answers if answer.silence is not None]
    if len(silent) == len(answers):
        raise UnavailableError(
            f"no primary of group {name} answers: {'; '.join(silent)}",
            where=place,
            hint="start the brokers (`anabranch dev up`, or `dev restart`), or go without: --no-check",
        )
    return [f"primary {who} does not answer; the job reads it when it does" for who in silent]


def _check_topics(name: str, group: Group, streams: dict[str, str], answers: Sequence[_Answer]) -> None:
    for stream, where in streams.items():
        topic = group.streams[stream].topic or stream
        lacking = [answer.name for answer in answers if topic not in answer.topics]
        if not lacking:
            continue
        # One that cannot be asked now counts neither way.
        nowhere = len(lacking) == len(answers)
        who = f"no primary of group {name} has" if nowhere else f"primary {lacking[0]} has no"
        partitions = group.streams[stream].partitions
        bootstrap = ",".join(group.primaries[lacking[0]].bootstrap)
        raise ConfigurationError(
            f"{who} {'the ' if nowhere else ''}topic {topic!r}",
            where=where,
            hint=f"create it on {', '.join(lacking)}, as in: kafka-topics.sh --bootstrap-server {bootstrap} "
            f"--create --topic {topic} --partitions {partitions}",
        )


def _ask(name: str, primary: Primary) -> _Answer:
    from confluent_kafka import KafkaError, KafkaException
    from confluent_kafka.admin import AdminClient

    answer = _Answer(name)
    refusals = (KafkaError._AUTHENTICATION, KafkaError._SSL, KafkaError.SASL_AUTHENTICATION_FAILED)

    def heard(error: KafkaError) -> None:
        refusal = error.code() in refusals
        answer.refused = answer.refused or refusal
        answer.reasons.insert(0 if refusal else len(answer.reasons), error.str())

    config = {**librdkafka_config(primary), "error_cb": heard, "logger": QuietLog()}
    try:
        await_token(config)
        client = AdminClient(config)
    except AnabranchError as error:
        answer.silence, answer.refused = error.message, not error.retryable
        return answer
    except KafkaException as error:  # what the document says of TLS, for one, it cannot use
        answer.silence = str(error.args[0].str())
        return answer
    try:
        answer.topics = frozenset(client.list_topics(timeout=_ANSWER_LIMIT_S).topics)
    except KafkaException as error:
        client.poll(0)  # only now does it call back; the exception itself tells of a lost connection
        answer.refused = answer.refused or error.args[0].code() in refusals
        answer.silence = answer.reasons[0] if answer.reasons else str(error.args[0].str())
    return answer
