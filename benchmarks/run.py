"""All benchmarks, one after the other: `make bench`. Never part of a test: nothing here asserts a time."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
ALL = ("connectors", "dedup", "producer", "failover", "recovery", "steadiness", "blob")


def main() -> None:
    """Runs those named on the command line, or all that are here."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="each has options: benchmarks/NAME.py --help"
    )
    parser.add_argument("name", nargs="*", help=f"{', '.join(ALL)}; by default all")
    wanted = parser.parse_args().name or ALL
    if unknown := set(wanted) - set(ALL):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    for name in wanted:
        print(f"\n== {name}", flush=True)
        sys.argv = [f"{name}.py"]
        runpy.run_path(str(HERE / f"{name}.py"), run_name="__main__")


if __name__ == "__main__":
    main()
