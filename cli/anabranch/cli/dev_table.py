"""How `anabranch dev` shows a loop: a table, and the lines to paste next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from anabranch.devkit.loop import Loop

__all__ = ["next_lines", "status_table"]

_STYLES = {"up": "green", "paused": "yellow", "down": "red", "died": "bold red"}


def status_table(status: dict[str, Any]) -> Table:
    """One row a process; plain text where the output is no terminal."""
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, title=f"loop '{status['name']}'", title_justify="left", title_style="bold")
    for heading in ("service", "state", "pid", "where", "memory", "note"):
        # An address is copied; notes may be as long as they like.
        table.add_column(
            heading, overflow="fold", no_wrap=heading == "where", min_width=21 if heading == "where" else None
        )
    for service in status["services"]:
        memory = "" if service["memory_mb"] is None else f"{service['memory_mb']} MB"
        state = Text(service["state"], style=_STYLES.get(service["state"], ""))
        pid = "" if service["pid"] is None else str(service["pid"])
        table.add_row(service["name"], state, pid, service["where"], memory, service["note"])
    return table


def next_lines(loop: Loop) -> list[str]:
    """Commands that make sense on a loop that has just come up."""
    from anabranch.devkit.state import name_option

    option = name_option(loop.folder)
    first = shlex.quote(next(iter(loop.streams)))
    lines = [
        f"  export ANABRANCH_TOPOLOGY={shlex.quote(str(loop.topology_path))}",
        f'  echo \'{{"run": "r1", "time_ms": 1}}\' | anabranch produce {first}',
        f"  anabranch tail {first} --from earliest",
        f"  anabranch dev kill {loop.primaries[-1]}{option}",
        f"  anabranch dev restart {loop.primaries[-1]}{option}",
    ]
    if loop.spec.cloud is not None:
        # What a pod has: with it commands see what Flink keeps there.
        lines.append(f"  . {shlex.quote(str(loop.cloud.environment_file))}")
    if loop.spec.flink is not None:
        lines.append(f"  anabranch run JOB --cluster {loop.flink.url.removeprefix('http://')}")
        lines.append(f"  xdg-open {loop.flink.url}")
    return [*lines, f"  anabranch dev down{option}"]
