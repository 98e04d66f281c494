"""Plays one history, as a failure prints it, and shows what came of it.

python -m tests.model.replay 'new earliest 1 1 RESET 1 a=0;produce 0 0 1;settle'
"""

from __future__ import annotations

import sys

from tests.model.judge import judge
from tests.model.jvm import WorldJvm


def main(history: str) -> None:
    commands = history.split(";")
    jvm = WorldJvm()
    try:
        trace = jvm.play(commands)
    finally:
        jvm.close()
    for event in trace:
        print(commands[event] if isinstance(event, int) else f"    {event}")
    judge(commands, trace)


if __name__ == "__main__":
    main(sys.argv[1])
