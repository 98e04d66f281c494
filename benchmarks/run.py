"""All benchmarks, one after the other: `make bench`. Never part of a test: nothing here asserts a time."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
ALL = ("connectors", "dedup", "producer")


def main() -> None:
    """Runs those named on the command line, or all that are here."""
    wanted = sys.argv[1:] or [name for name in ALL if (HERE / f"{name}.py").exists()]
    for name in wanted:
        print(f"\n== {name}", flush=True)
        sys.argv = [f"{name}.py"]
        runpy.run_path(str(HERE / f"{name}.py"), run_name="__main__")


if __name__ == "__main__":
    main()
