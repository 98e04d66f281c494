"""The command that shows what a run has set aside, told with its end."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from anabranch.cli.go_on import masked

if TYPE_CHECKING:
    from anabranch.pipelines.events import Event
    from anabranch.pipelines.layers import Resolved

__all__ = ["telling_of_dead_letters"]

_DEFAULT_STREAM = "dead-letters"


def telling_of_dead_letters(on_event: Callable[[Event], None], resolved: Resolved) -> Callable[[Event], None]:
    """Adds to the end of a job with dead letters how they are shown: it may have read nothing else."""
    from anabranch.pipelines.events import Note, Stopped

    # Those of the inputs may have a stream of their own; None: none are written.
    stream = resolved.settings.inputs.get("dead-letters", resolved.settings.dead_letters)

    def tell(event: Event) -> None:
        on_event(event)
        if isinstance(event, Stopped) and event.dead_letters and stream is not None:
            on_event(Note(event.job, f"to see the dead letters: {_command(event.job, stream, resolved)}"))

    return tell


def _command(job: str, stream: str, resolved: Resolved) -> str:
    words = ["anabranch", "dead-letters", "show", "--job", job]
    if stream != _DEFAULT_STREAM:
        words += ["--stream", stream]
    topology = resolved.settings.topology
    if topology is not None and resolved.sources.get("topology") != "ANABRANCH_TOPOLOGY":
        words += ["--topology", masked(topology)]
    return shlex.join(words)
