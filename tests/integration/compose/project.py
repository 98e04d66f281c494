"""docker-compose.yml as a project on the engine of a test."""

from __future__ import annotations

from pathlib import Path

from anabranch.devkit import process
from anabranch.errors import JobError
from tests.integration.compose.engine import Engine

__all__ = ["ComposeProject"]

_NAME = "anabranch-test"
_LIMIT_S = 300.0


class ComposeProject:
    """The services of one compose file.

    Args:
        engine: Where they run.
        file: The compose file; paths in it start from its folder.
    """

    def __init__(self, engine: Engine, file: Path) -> None:
        self.engine = engine
        self._file = file

    def up(self) -> None:
        """Starts everything; returns when it is started, not when it is ready."""
        self._compose("up", "-d")

    def down(self) -> None:
        """Ends everything, volumes too."""
        self._compose("down", "-v", "--timeout", "5")

    def run_sql(self, script: Path) -> str:
        """Runs a file of statements with the SQL client on the JobManager; what that prints."""
        inside = f"/tmp/{script.name}"
        self.engine.docker("cp", script, f"{self.container('jobmanager')}:{inside}")
        return self._compose("exec", "-T", "jobmanager", "bin/sql-client.sh", "-f", inside)

    def container(self, service: str) -> str:
        """The id of the container of a service that has one."""
        return self._compose("ps", "-q", service).splitlines()[-1]

    def check(self) -> None:
        """Raises JobError if a container has failed; says which."""
        listed = self.engine.docker(
            "ps", "--all", "--filter=status=exited", "--format={{.Names}} {{.Status}}"
        )
        failed = [line for line in listed.splitlines() if "Exited (0)" not in line]
        if failed:
            raise JobError(f"ended by themselves: {', '.join(failed)}", where=str(self.engine.folder))

    def kill(self, container: str) -> None:
        """SIGKILL; returns when the container has ended by it."""
        self.engine.docker("kill", container)
        if self.engine.docker("wait", container) != "137":
            raise JobError(f"container {container} had ended before it was killed")

    def start(self, container: str) -> None:
        """Starts a container again, with the files that it had."""
        self.engine.docker("start", container)

    def logs(self) -> str:
        """What all containers have written."""
        return self._compose("logs", "--no-color", "--tail", "200")

    def _compose(self, *arguments: str) -> str:
        command = ["docker-compose", "-H", self.engine.host, "-p", _NAME, "-f", str(self._file)]
        done = process.run([*command, *arguments], timeout_s=_LIMIT_S)
        if done.code != 0:
            raise JobError(f"docker-compose {arguments[0]} failed:\n{done.output[-4000:]}")
        return done.output.strip()
