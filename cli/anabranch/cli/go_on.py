"""The command that goes on where a run was ended, or ends one that was left on a cluster."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from anabranch.pipelines.events import Event

__all__ = ["Remembering", "masked", "telling_how_to_go_on", "telling_how_to_stop"]

_ARGUMENTS = "anabranch.arguments"
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Remembering(click.Command):
    """A command that knows how it was called."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Keeps the arguments before click takes them apart."""
        ctx.meta[_ARGUMENTS] = tuple(args)
        return super().parse_args(ctx, args)


def telling_how_to_go_on(on_event: Callable[[Event], None]) -> Callable[[Event], None]:
    """Adds to the end of a job that did not finish the command that restores it."""
    from anabranch.pipelines.events import Note, Stopped

    context = click.get_current_context()
    arguments: tuple[str, ...] = context.meta[_ARGUMENTS]
    path = context.command_path

    def tell(event: Event) -> None:
        on_event(event)
        if isinstance(event, Stopped) and event.state != "FINISHED":
            if event.checkpoint is None:
                on_event(Note(event.job, "no checkpoint was completed: the next run starts anew"))
            else:
                on_event(Note(event.job, f"to go on: {_again(path, arguments, event.checkpoint)}"))

    return tell


def telling_how_to_stop(on_event: Callable[[Event], None]) -> Callable[[Event], None]:
    """Adds to the start of a job that is left on its cluster how it is ended there."""
    from anabranch.pipelines.events import Note, Started

    def tell(event: Event) -> None:
        on_event(event)
        if isinstance(event, Started):
            # Not `flink cancel`: whoever runs jobs from here need not have Flink's own command.
            page, call = f"{event.web}/#/job/running/{event.job_id}", f"{event.web}/jobs/{event.job_id}"
            text = f"to stop it: on {page}, or: curl -X PATCH '{call}?mode=cancel'"
            on_event(Note(event.job, text))

    return tell


def _again(path: str, arguments: Sequence[str], checkpoint: str) -> str:
    words: list[str] = []
    skip = False
    for word in arguments:
        # Each form in which a flag and its value are written.
        if skip or word == "--restore" or word.startswith("--restore="):
            skip = word == "--restore" and not skip
            continue
        words.append(_shown(word))
    return f"{path} {shlex.join([*words, '--restore', checkpoint])}"


def _shown(word: str) -> str:
    """One argument; the value of an option like ``--set s3.secret-key=…`` goes into no log.

    Nor do user info and query of a URI.
    """
    from anabranch.pipelines.sensitive import HIDDEN, is_sensitive

    option, equals, _ = word.removeprefix("--set=").partition("=")
    if equals and is_sensitive(option):
        return word[: word.index(option)] + f"{option}={HIDDEN}"
    begins = _URI.search(word)
    return word if begins is None else word[: begins.start()] + masked(word[begins.start() :])


def masked(uri: str) -> str:
    """A URI in a command that is printed: user info and query are left out, which can be seen."""
    from anabranch.pipelines.sensitive import HIDDEN
    from anabranch.topology.store import public_uri

    shown = public_uri(uri)
    return shown if shown == uri else f"{shown}?{HIDDEN}"
