"""Keeps the evidence of a run in a folder, so that anybody can judge it again without the brokers.

The ledgers stay as the producers wrote them. What came out goes into ``came-out.json.gz``: the runs with
their input lines, what the logs hold, what the jobs emitted, and what shows that the fault bit.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anabranch.devkit.ledger import read_ledger
from anabranch.devkit.verifier import Evidence, FaultEvidence, Tally
from anabranch.errors import ConfigurationError

__all__ = ["load_evidence", "save_evidence"]

_FILE = "came-out.json.gz"


def save_evidence(folder: Path, evidence: Evidence) -> None:
    """Writes all but the ledger, which lies in the folder already."""
    lines: dict[str, list[int]] = {}
    for line, run in evidence.run_of.items():
        lines.setdefault(run, []).append(line)
    fields = {
        "lines": lines,
        "copies": _pairs(evidence.copies),
        "corrupt": list(evidence.corrupt),
        "fabricated": list(evidence.fabricated),
        "counted": {run: [tally.records, tally.hash_sum] for run, tally in evidence.counted.items()},
        "emitted_scores": dict(evidence.emitted_scores),
        "official_scores": dict(evidence.official_scores),
        "undrained": list(evidence.undrained),
        "planted": sorted(evidence.planted),
        "dead_lettered": _pairs(evidence.dead_lettered),
        "mended": _pairs(evidence.mended),
        "fault": asdict(evidence.fault),
        "reported_losses": list(evidence.reported_losses),
    }
    with gzip.open(folder / _FILE, "wt", encoding="utf-8") as file:
        json.dump(fields, file)


def load_evidence(folder: Path) -> Evidence:
    """Reads ledgers and what came out.

    Raises:
        ConfigurationError: The folder holds no run, or its file cannot be read.
    """
    path, ledgers = folder / _FILE, sorted(folder.glob("*.ledger"))
    if not path.is_file() or not ledgers:
        raise ConfigurationError(
            f"{folder} holds no kept run ({_FILE} and *.ledger)",
            hint="anabranch demo --keep FOLDER makes one",
        )
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            fields: dict[str, Any] = json.load(file)
        return Evidence(
            ledger=read_ledger(ledgers),
            run_of={line: run for run, lines in fields["lines"].items() for line in lines},
            copies=dict(fields["copies"]),
            corrupt=fields["corrupt"],
            fabricated=fields["fabricated"],
            counted={run: Tally(*pair) for run, pair in fields["counted"].items()},
            emitted_scores=fields["emitted_scores"],
            official_scores=fields["official_scores"],
            undrained=fields["undrained"],
            planted=frozenset(fields["planted"]),
            dead_lettered=dict(fields["dead_lettered"]),
            mended=dict(fields["mended"]),
            fault=FaultEvidence(**fields["fault"]),
            reported_losses=tuple(fields["reported_losses"]),
        )
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(f"cannot be read: {error!r}", where=str(path)) from error


def _pairs(numbers: Any) -> list[tuple[int, int]]:
    """A mapping with whole numbers as keys, which JSON has not."""
    return list(numbers.items())
