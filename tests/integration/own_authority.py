"""An authority of the test's own for a loop over mutual TLS, so that it can issue what the loop would not."""

from __future__ import annotations

import datetime

from anabranch.devkit.certificates import Authority
from anabranch.devkit.loop import Loop

__all__ = ["issue_short", "take_over"]


def take_over(loop: Loop) -> Authority:
    """Has all brokers and users of a loop trust this one: of the loop's own nobody kept the key."""
    authority = Authority.create(loop.folder / "secrets")
    for name in ("broker", "alice"):
        authority.issue(name)
    for broker in loop.brokers:
        broker.kill()
        broker.restart()
    return authority


def issue_short(authority: Authority, valid_for: datetime.timedelta) -> dict[str, str]:
    """Issues the certificate of a user `short`, or renews it in place; as the topology names it."""
    certificate, key = authority.issue("short", valid_for=valid_for)
    return {"certificate": f"file:{certificate}", "key": f"file:{key}"}
