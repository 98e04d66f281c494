"""The command that shows what a run has set aside, told with its end."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anabranch.pipelines.events import Event
    from anabranch.pipelines.layers import Resolved

__all__ = ["telling_of_dead_letters"]

_DEFAULT_STREAM = "dead-letters"


def telling_of_dead_letters(on_event: Callable[[Event], None], resolved: Resolved) -> Callable[[Event], None]:
    """Adds to the end of a job with dead letters how they are shown: it may have read nothing else."""
    from anabranch.pipelines.events import Note, Stopped

    def tell(event: Event) -> None:
        on_event(event)
        if isinstance(event, Stopped) and event.dead_letters:
            on_event(Note(event.job, f"to see the dead letters: {_command(event.job, resolved)}"))

    return tell


def _command(job: str, resolved: Resolved) -> str:
    from anabranch.topology.store import public_uri

    words = ["anabranch", "dead-letters", "show", "--job", job]
    stream = resolved.settings.dead_letters
    if stream is not None and stream != _DEFAULT_STREAM:
        words += ["--stream", stream]
    topology = resolved.settings.topology
    if topology is not None and resolved.sources.get("topology") != "ANABRANCH_TOPOLOGY":
        words += ["--topology", public_uri(topology)]
    return shlex.join(words)
