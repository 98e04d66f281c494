"""Which troubles of a primary need a person, and how they are told."""

from __future__ import annotations

import pytest

from anabranch.connectors.troubles import concise, lasts, next_step


def test_what_differs_each_time_is_left_out() -> None:
    refused = "a:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: Connection refused"
    assert concise(f"{refused} (after 0ms in state CONNECT)") == refused
    assert concise(f"{refused} (after 3ms in state CONNECT, 5 identical error(s) suppressed)") == refused
    assert concise("Broker: Unknown topic or partition") == "Broker: Unknown topic or partition"


@pytest.mark.parametrize(
    ("reason", "hint"),
    [
        ("Broker: Unknown topic or partition", "create the topic"),
        ("topic 'x' does not exist", "create the topic"),
        ("a:1: SASL authentication error: invalid credentials", "'auth'"),
        ("Broker: Topic authorization failed", "'auth'"),
        ("a:1: SSL handshake failed: certificate verify failed", "'auth'"),
        ("a:1: Connection refused", "else"),
    ],
)
def test_the_next_step_goes_by_the_cause(reason: str, hint: str) -> None:
    assert hint in next_step(reason, "else")
    assert lasts(reason) == (hint != "else")
