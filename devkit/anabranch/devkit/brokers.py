"""A Kafka broker that is a whole cluster of its own (KRaft, combined mode), as a process to be hurt."""

from __future__ import annotations

import base64
import fcntl
import shutil
import time
import uuid
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from anabranch.devkit import process
from anabranch.devkit.broker_config import server_properties
from anabranch.devkit.class_archive import ClassArchive
from anabranch.devkit.diagnosis import diagnose, in_use, reason_in
from anabranch.devkit.jars import kafka_jars
from anabranch.devkit.java import java
from anabranch.devkit.secure import Credentials
from anabranch.devkit.service import Service
from anabranch.devkit.state import read_json, write_atomically, write_json
from anabranch.devkit.topics import create_topics, is_ready
from anabranch.errors import EnvironmentMissingError, UnavailableError
from anabranch.topology import Primary, librdkafka_config

__all__ = ["Broker", "BrokerSpec", "new_cluster_id"]

# Small heap, serial collector and the first compiler only: ready in 2 s, 150-210 MB resident.
_JVM = (
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxDirectMemorySize=128m",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
    # Otherwise each start writes some 500 lines of settings.
    "-Dorg.slf4j.simpleLogger.log.org.apache.kafka.common.config=warn",
)
# 2 s each on an idle machine; one with two cores and forty busy processes took 90.
_FORMAT_LIMIT_S = 180.0
_READY_LIMIT_S = 180.0


@dataclass(frozen=True)
class BrokerSpec:
    """What a broker is started with; kept in ``broker.json``.

    Attributes:
        name: The primary's name in the topology document.
        port: Where clients connect.
        controller_port: Where the broker talks to its own controller.
        cluster_id: Kafka's cluster id, new after a wipe.
        properties: Additions to its configuration.
    """

    name: str
    port: int
    controller_port: int
    cluster_id: str
    properties: dict[str, str] = field(default_factory=dict)

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return f"127.0.0.1:{self.port}"


class Broker(Service):
    """One primary of a loop.

    Args:
        folder: Its own folder; holds ``broker.json``, the log, the pid file and the data.
        mark: Identity of the loop.
        credentials: How clients authenticate, or None for plain text.
    """

    def __init__(self, folder: Path, mark: str, credentials: Credentials | None) -> None:
        super().__init__(folder.name, folder, mark)
        self._credentials = credentials

    @property
    def spec(self) -> BrokerSpec:
        """Read anew each time: another command may have wiped it."""
        return BrokerSpec(**read_json(self.folder / "broker.json"))

    def save_spec(self, spec: BrokerSpec) -> None:
        """Writes ``broker.json``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / "broker.json", asdict(spec))

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients."""
        return self.spec.bootstrap

    def client_config(self) -> dict[str, Any]:
        """Settings of a librdkafka client of this broker."""
        block = {"auth": self._credentials.auth()} if self._credentials else {}
        return {**librdkafka_config(Primary.model_validate({"bootstrap": (self.bootstrap,), **block}))}

    def create(self, topics: dict[str, int]) -> None:
        """Formats, starts, and creates the topics (name to partitions)."""
        with self.locked():
            self._format()
            self._start()
        create_topics(self.client_config(), topics)

    def restart(self) -> None:
        """Starts it on its data and waits until it answers; one that runs is killed first."""
        with self.locked():
            ref = self.ref
            if ref is not None:
                process.kill(ref)
            self._start()

    def reconfigure(self, properties: dict[str, str]) -> None:
        """Adds to its configuration and starts it anew; returns when it answers."""
        self.save_spec(replace(self.spec, properties={**self.spec.properties, **properties}))
        self._write_config()
        self.restart()

    def wipe(self, topics: dict[str, int]) -> None:
        """Destroys its data for good and starts it as a new Kafka cluster with the same topics."""
        with self.locked():
            ref = self.ref
            if ref is not None:
                process.kill(ref)
            shutil.rmtree(self._data, ignore_errors=True)
            self.save_spec(replace(self.spec, cluster_id=new_cluster_id()))
            self._format()
            self._start()
        create_topics(self.client_config(), topics)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _write_config(self) -> Path:
        config = self.folder / "server.properties"
        write_atomically(config, server_properties(self.spec, self._data, self._credentials), mode=0o600)
        return config

    def _format(self) -> None:
        spec = self.spec
        config = self._write_config()
        argv = [
            *self._java(_archive()),
            "kafka.tools.StorageTool",
            "format",
            "-t",
            spec.cluster_id,
            "-c",
            config,
        ]
        with ExitStack() as users:
            if self._credentials:
                argv += users.enter_context(self._credentials.format_arguments(self.folder))
            done = process.run(argv, timeout_s=_FORMAT_LIMIT_S, cwd=self.folder)
        if done.code != 0:
            raise EnvironmentMissingError(
                f"cannot format broker {self.name}: {reason_in(done.output.splitlines())}",
                where=str(self.folder),
            )

    def _start(self) -> None:
        if _is_locked(self._data / ".lock"):
            raise in_use(f"broker {self.name}", self._data)
        begin = self.log_path.stat().st_size if self.log_path.exists() else 0
        archive = _archive()
        ref = self.spawn([*self._java(archive), "kafka.Kafka", self.folder / "server.properties"])
        deadline = time.monotonic() + _READY_LIMIT_S
        while not (process.listens(ref, self.spec.port) and is_ready(self.client_config())):
            if not process.alive(ref):
                raise self._death(begin, process.exit_code(ref))
            if time.monotonic() > deadline:
                raise UnavailableError(
                    f"broker {self.name} does not answer {_READY_LIMIT_S:.0f} s after its start",
                    where=str(self.log_path),
                    hint=f"read the log; its last line: {reason_in(self.tail(1))}",
                )
            time.sleep(0.05)
        archive.keep(ref)
        if not process.alive(ref):
            raise self._death(begin, process.exit_code(ref))

    def _death(self, begin: int, code: int | None) -> EnvironmentMissingError:
        """Why it died at its start, from what it logged since then."""
        with self.log_path.open("rb") as log:
            log.seek(begin)
            text = log.read().decode(errors="replace")
        ports = [self.spec.port, self.spec.controller_port]
        what = f"broker {self.name}"
        error = diagnose(what, text, log=self.log_path, data=self._data, ports=ports, code=code)
        self.note_death(error.message)
        return error

    def _java(self, archive: ClassArchive) -> list[str | Path]:
        # What a killed JVM leaves goes with the folder.
        scratch = self.folder / "tmp"
        scratch.mkdir(exist_ok=True)
        own = [f"-XX:ErrorFile={self.folder}/hs_err_%p.log", f"-Djava.io.tmpdir={scratch}"]
        flags = [*_JVM, *archive.flags(), *own]
        return [java(), *flags, "-cp", f"{kafka_jars()}/*"]


def _is_locked(path: Path) -> bool:
    """Whether a broker holds Kafka's lock on its data.

    Kafka itself asks too late: by then its quorum has opened the metadata log that the other broker is
    writing, and may have found half a record there, called it corrupt, or cut it off.
    """
    try:
        with path.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _archive() -> ClassArchive:
    return ClassArchive("kafka", java(), sorted(kafka_jars().glob("*.jar")))


def new_cluster_id() -> str:
    """A random cluster id in Kafka's form: 16 bytes, URL-safe base 64 without padding.

    An id that begins with ``-`` would be taken for an option by the format tool.
    """
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text
