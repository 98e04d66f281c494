"""Free ports that two loops never share.

A port is claimed by a file that names its loop's folder, under one lock for the whole machine user.
Ports come from below the kernel's ephemeral range, so that no outgoing connection takes one while
its broker is down; what other programs hold is found by binding.
"""

from __future__ import annotations

import random
from pathlib import Path

from anabranch.devkit.state import exclusive, state_home
from anabranch.errors import EnvironmentMissingError
from anabranch.pipelines.ports import is_free

__all__ = ["PortTakenError", "claim_ports", "release_ports"]

# Below 32768, where Linux starts its ephemeral ports, and clear of the usual services.
_FIRST, _LAST = 20_000, 32_000


class PortTakenError(EnvironmentMissingError):
    """Another program listens on a port that a process of a loop wants."""


def claim_ports(count: int, owner: Path) -> list[int]:
    """Claims ``count`` free ports for the loop in folder ``owner`` until :func:`release_ports`."""
    home = _home()
    with exclusive(home / ".lock", timeout_s=30, what="the table of ports"):
        claimed = []
        # A random start keeps apart users and state homes that cannot see each other's claims.
        start = random.randrange(_FIRST, _LAST)  # noqa: S311
        for step in range(_LAST - _FIRST):
            port = _FIRST + (start + step - _FIRST) % (_LAST - _FIRST)
            if _is_claimed(home / str(port)) or not is_free(port):
                continue
            (home / str(port)).write_text(str(owner))
            claimed.append(port)
            if len(claimed) == count:
                return claimed
    raise EnvironmentMissingError(f"fewer than {count} free ports between {_FIRST} and {_LAST}")


def release_ports(owner: Path) -> None:
    """Gives back all ports of a loop."""
    home = _home()
    if not home.is_dir():
        return
    with exclusive(home / ".lock", timeout_s=30, what="the table of ports"):
        for claim in home.glob("[0-9]*"):
            if claim.read_text() == str(owner):
                claim.unlink()


def _home() -> Path:
    return state_home() / "ports"


def _is_claimed(claim: Path) -> bool:
    """A claim counts while its loop's folder exists."""
    try:
        return Path(claim.read_text()).is_dir()
    except FileNotFoundError:
        return False
