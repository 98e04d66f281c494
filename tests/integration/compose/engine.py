"""A Docker engine of a test's own, which ends with the test and leaves nothing behind.

It has namespaces of its own for mounts, processes and the network. So it meets neither an engine that runs
already nor whatever listens on the ports of docker-compose.yml; its firewall rules and bridges are on no
other network; and all of it, containers included, ends with one process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.process import ProcessRef
from anabranch.devkit.state import write_json
from anabranch.errors import EnvironmentMissingError, JobError

__all__ = ["Engine", "running_engine"]

_READY_LIMIT_S = 60.0  # 1 s on an idle machine
_CLONE_NEWNET = 0x40000000
_CGROUPS = Path("/sys/fs/cgroup")
_LIBC = ctypes.CDLL(None, use_errno=True)

# The engine is killed when the thread that started it ends, whatever ends that; its containers are killed
# with it, since it is the first process of their namespace.
_ISOLATED = [
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"),
]
# An empty /run hides the sockets of the system's own engine and containerd, which dockerd would use.
_START = 'mount -t tmpfs tmpfs /run; ip link set lo up; exec dockerd --config-file "$0"'


class Engine:
    """A running engine.

    Args:
        folder: Its settings, log, socket and data.
        ref: The process with which it ends, which is in its network.
    """

    def __init__(self, folder: Path, ref: ProcessRef) -> None:
        self.folder = folder
        self.ref = ref

    @property
    def host(self) -> str:
        """What clients call its address."""
        return f"unix://{self.folder / 'docker.sock'}"

    def docker(self, *arguments: str | Path, timeout_s: float = 60) -> str:
        """What ``docker`` with these arguments prints.

        Raises:
            JobError: It failed.
        """
        # The builder of Docker 20.10; BuildKit is a plugin that Debian does not have.
        argv: list[str | Path] = ["env", "DOCKER_BUILDKIT=0", "docker", "-H", self.host, *arguments]
        done = process.run(argv, timeout_s=timeout_s)
        if done.code != 0:
            raise JobError(f"docker {arguments[0]} failed:\n{done.output[-2000:]}")
        return done.output.strip()

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Puts this thread, and those that it starts meanwhile, into the network of the engine.

        There the ports are that docker-compose.yml publishes on 127.0.0.1.
        """
        with open("/proc/thread-self/ns/net") as home, open(f"/proc/{self.ref.pid}/ns/net") as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(home.fileno())


@contextlib.contextmanager
def running_engine(folder: Path) -> Iterator[Engine]:
    """Starts an engine and ends it; its data is gone afterwards, its log stays.

    Args:
        folder: Empty. Its path must be short, since sockets lie in it.

    Raises:
        EnvironmentMissingError: The engine does not start; says why.
    """
    cgroup = f"anabranch-{uuid.uuid4().hex[:12]}"
    log = folder / "dockerd.log"
    engine = Engine(folder, _start(folder, cgroup, log))
    try:
        process.await_condition(lambda: _answers(engine, log), _READY_LIMIT_S, "dockerd", every_s=0.1)
        yield engine
    finally:
        process.kill(engine.ref, timeout_s=60)
        shutil.rmtree(folder / "data", ignore_errors=True)
        _remove_cgroups(cgroup)


def _start(folder: Path, cgroup: str, log: Path) -> ProcessRef:
    settings = {
        "hosts": [f"unix://{folder / 'docker.sock'}"],
        "data-root": str(folder / "data"),
        "exec-root": "/run/docker",
        "pidfile": "/run/docker.pid",
        "storage-driver": "overlay2",
        "exec-opts": ["native.cgroupdriver=cgroupfs"],
        "cgroup-parent": f"/{cgroup}",
    }
    write_json(folder / "daemon.json", settings)
    return process.start([*_ISOLATED, "sh", "-ec", _START, folder / "daemon.json"], log=log, cwd=folder)


def _answers(engine: Engine, log: Path) -> bool:
    if not process.alive(engine.ref):
        last = "\n".join(process.tail(log))
        raise EnvironmentMissingError(f"the Docker engine died at its start:\n{last}", where=str(log))
    try:
        engine.docker("info")
    except JobError:
        return False
    return True


def _enter(namespace: int) -> None:
    if _LIBC.setns(namespace, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _remove_cgroups(name: str) -> None:
    """Removes the groups that stay behind of containers which were killed with their engine."""
    tops = [*_CGROUPS.glob(name), *_CGROUPS.glob(f"*/{name}")]
    process.await_condition(lambda: all(map(_removed, tops)), 10, f"group {name} to be free")


def _removed(top: Path) -> bool:
    """Whether it could be removed; the kernel refuses while a process in it is being reaped."""
    try:
        for folder in sorted(top.glob("**/"), reverse=True):  # the deepest first
            folder.rmdir()
    except OSError:
        return False
    return True
