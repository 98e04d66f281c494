"""The JVM behind PyFlink, which can be started once per process: what it needs, and its start."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from importlib import util
from pathlib import Path
from typing import Any

from anabranch.connectors.flink.interrupts import (
    Terminated,
    held_interrupt,
    ignore_interrupts,
    sigterm_left_to_us,
)
from anabranch.connectors.flink.scratch import scratch_folder
from anabranch.connectors.java_home import java_program
from anabranch.errors import EnvironmentMissingError

__all__ = ["check_installed", "start_gateway"]

_lock = threading.Lock()
_process: Any = None
_log_folder: Path | None = None
_END_LIMIT_S = 10
# Seconds of planning, once: the optimising compiler would take more than it gives back.
_PLANNING_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


def check_installed() -> None:
    """Looks for PyFlink and Java without importing or starting either.

    Raises:
        EnvironmentMissingError: One of them is missing.
    """
    if util.find_spec("pyflink") is None:
        raise EnvironmentMissingError("PyFlink is not installed", hint="pip install 'anabranch[flink]'")
    java_program()


def start_gateway(jars: Sequence[Path], log_folder: Path | None, *, only_plans: bool = False) -> Path | None:
    """Starts the JVM; without effect if it runs, or if Flink itself started this process.

    Args:
        jars: Put on the JVM's own class path. Not ``pipeline.jars``: that would upload them with each
            job and load each class twice on a cluster that has them already.
        log_folder: Where the JVM writes its log; None keeps PyFlink's own folder.
        only_plans: Records go through a cluster, not through this JVM.

    Returns:
        Where the JVM writes its log: a process has only one, which the first to ask for it has chosen.

    Raises:
        EnvironmentMissingError: PyFlink or Java is missing, or the JVM does not start.
    """
    check_installed()
    # The other mode starts a server in this process that imports Beam, which takes seconds and serves
    # only functions in process mode; ours run in thread mode.
    os.environ.setdefault("_python_worker_execution_mode", "process")
    with _lock:
        if _process is None and "PYFLINK_GATEWAY_PORT" not in os.environ:
            _prepare(jars, log_folder)
            # A folder of its own: Flink leaves libraries and empty folders where a JVM keeps what passes.
            scratch = f'"-Djava.io.tmpdir={scratch_folder()}"'
            with _jvm_environment([scratch, *(_PLANNING_FLAGS if only_plans else ())]):
                _start()
    return _log_folder


def _prepare(jars: Sequence[Path], log_folder: Path | None) -> None:
    global _log_folder
    # PyFlink builds the class path from its folder and this variable; it has no other door.
    known = os.environ.get("HADOOP_CLASSPATH", "").split(os.pathsep)
    wanted = [str(jar) for jar in jars]
    os.environ["HADOOP_CLASSPATH"] = os.pathsep.join(dict.fromkeys(part for part in wanted + known if part))
    if log_folder is not None:
        log_folder.mkdir(parents=True, exist_ok=True)
        os.environ["FLINK_LOG_DIR"] = str(log_folder)
    _log_folder = log_folder


@contextlib.contextmanager
def _jvm_environment(flags: Sequence[str]) -> Iterator[None]:
    """What a JVM has that is started within: flags, which replace PyFlink's defaults, and this Python.

    Functions in thread mode run in an interpreter of the JVM's own, which takes its home, and so its
    packages, from the first `python3` on PATH, whatever ``python.executable`` says.
    """
    # The user's own flags come last, and win.
    own = os.environ.get("JDK_JAVA_OPTIONS")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    wanted = {"JDK_JAVA_OPTIONS": " ".join([*flags, *([own] if own else [])]), "PATH": path}
    known = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    try:
        yield
    finally:
        for name, value in known.items():
            if value is not None:
                os.environ[name] = value
            else:
                os.environ.pop(name, None)


def _start() -> None:
    """Lets PyFlink start it, and keeps the process: PyFlink forgets it with its open pipes."""
    global _process
    from pyflink import java_gateway

    logging.getLogger().addFilter(_is_no_interrupt)
    launch = java_gateway.launch_gateway_server_process

    def kept(*args: Any) -> Any:
        global _process
        # An exception between the fork and the return would lose the only handle of the new process.
        with held_interrupt() as interrupt, sigterm_left_to_us():
            _process = launch(*args)
        if interrupt.seen is not None:
            raise interrupt.seen
        return _process

    java_gateway.launch_gateway_server_process = kept
    try:
        java_gateway.get_gateway()
        # Nobody else reads this pipe: a JVM that says much would block on it.
        threading.Thread(target=_drain, args=(_process.stderr,), name="flink-stderr", daemon=True).start()
        atexit.register(_end)
    except RuntimeError as error:
        raise EnvironmentMissingError(
            f"Flink's JVM does not start: {error}", hint="`java -version` must say 17"
        ) from None
    except KeyboardInterrupt:
        # The JVM ignores Ctrl-C, and would outlive this process for a moment.
        if _process is not None:
            _process.kill()
            _process.wait()
        # Whoever goes on, as in a notebook, may start another.
        _process = java_gateway._gateway = None
        raise
    finally:
        java_gateway.launch_gateway_server_process = launch


def _is_no_interrupt(record: logging.LogRecord) -> bool:
    """Leaves out the trace that Py4J writes to the root logger when Ctrl-C strikes within a call."""
    return record.module != "java_gateway" or (record.exc_info or (None,))[0] not in (
        KeyboardInterrupt,
        Terminated,
    )


def _drain(pipe: Any) -> None:
    with pipe:
        for _ in iter(pipe.readline, b""):
            pass


def _end() -> None:
    """Before the interpreter does: objects that are freed later would call a JVM that is gone."""
    ignore_interrupts()  # it takes a second, at most that limit
    from pyflink.java_gateway import get_gateway

    # The second has a level of its own: PyFlink sets it.
    for name in ("py4j", "py4j.java_gateway"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        gateway = get_gateway()
        with contextlib.suppress(Exception):
            gateway.shutdown()
        gateway._gateway_client.is_connected = False  # else each that is freed later would try to connect
        with contextlib.suppress(Exception):
            _process.stdin.close()  # the JVM ends when its standard input does
            _process.wait(_END_LIMIT_S)
    finally:
        _process.kill()
