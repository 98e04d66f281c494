"""Ports for a Flink that is started seconds after they were chosen."""

from __future__ import annotations

import random
import socket
from pathlib import Path

__all__ = ["free_ports", "is_free"]

# Clear of the usual services and of the devkit's, which claims 20000 to 32000.
_FIRST, _LAST = 10_000, 20_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
# Linux's own, where that cannot be read.
_EPHEMERAL = (32_768, 60_999)


def free_ports(count: int) -> list[int]:
    """Ports of the loopback interface on which nobody listens now.

    None lies where the kernel takes those of outgoing connections: one of these could have it when Flink
    binds. What else takes one meanwhile costs only that one: Flink tries the next.
    """
    first, last = _ephemeral()
    candidates = [port for port in range(_FIRST, _LAST) if not first <= port <= last]
    if len(candidates) < count:  # somebody has given all of them to outgoing connections
        candidates = list(range(_FIRST, _LAST))
    random.shuffle(candidates)
    found = []
    for port in candidates:
        if is_free(port):
            found.append(port)
        if len(found) == count:
            break
    return found


def is_free(port: int) -> bool:
    """Whether nobody listens on that port of the loopback interface."""
    with socket.socket() as probe:
        # As the JVM binds: a port in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _ephemeral() -> tuple[int, int]:
    try:
        first, last = map(int, _RANGE.read_text().split())
    except (OSError, ValueError):
        return _EPHEMERAL
    return first, last
