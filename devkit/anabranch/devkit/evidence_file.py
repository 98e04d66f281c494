"""Keeps the evidence of a run in a folder, so that anybody can judge it again without the brokers.

The ledgers stay as the producers wrote them. What came out goes into ``came-out.json.gz``: the runs with
their input lines, what the logs hold, what the jobs emitted, and what shows that the fault bit. With it go
the seals of the ledgers: one that lost entries would else be judged as a run of fewer records.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from anabranch.devkit.evidence import Account, Evidence, FaultEvidence, Letter, ReportedLoss, Tally
from anabranch.devkit.ledger import Ledger, LedgerSeal, read_sealed_ledger
from anabranch.errors import ConfigurationError

__all__ = ["load_evidence", "save_evidence"]

_FILE = "came-out.json.gz"


def save_evidence(folder: Path, evidence: Evidence, seals: Mapping[str, LedgerSeal]) -> None:
    """Writes all but the ledger, whose files lie in the folder already; ``seals`` says what they hold."""
    lines: dict[str, list[int]] = {}
    for line, run in evidence.run_of.items():
        lines.setdefault(run, []).append(line)
    fields = {
        "ledgers": {name: asdict(seal) for name, seal in seals.items()},
        "lines": lines,
        "copies": _pairs(evidence.copies),
        "corrupt": list(evidence.corrupt),
        "fabricated": list(evidence.fabricated),
        "misplaced": dict(evidence.misplaced),
        "copies_wanted": evidence.copies_wanted,
        "counted": {run: [tally.records, tally.hash_sum] for run, tally in evidence.counted.items()},
        "emitted_scores": dict(evidence.emitted_scores),
        "official_scores": dict(evidence.official_scores),
        "undrained": list(evidence.undrained),
        "planted": _pairs(evidence.planted),
        "readers": list(evidence.readers),
        "letters": _pairs(evidence.letters),
        "mended": _pairs(evidence.mended),
        "fault": asdict(evidence.fault),
        "reported_losses": [asdict(loss) for loss in evidence.reported_losses],
    }
    with gzip.open(folder / _FILE, "wt", encoding="utf-8") as file:
        json.dump(fields, file)


def load_evidence(folder: Path) -> Evidence:
    """Reads ledgers and what came out.

    Raises:
        ConfigurationError: The folder holds no run, its file cannot be read, or a ledger is not as it was.
    """
    path = folder / _FILE
    if not path.is_file():
        raise ConfigurationError(
            f"{folder} holds no kept run ({_FILE} and *.ledger)",
            hint="anabranch demo --keep FOLDER makes one",
        )
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            fields: dict[str, Any] = json.load(file)
        seals = {name: LedgerSeal(**seal) for name, seal in fields["ledgers"].items()}
        evidence = _evidence(fields)
    except KeyError as error:
        raise ConfigurationError(
            f"cannot be read: it has no {error}, so another version kept it",
            where=str(path),
            hint="judge it by that version, or run the demo again with --keep",
        ) from error
    except (OSError, EOFError, zlib.error, ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError(
            f"cannot be read: {error!r}",
            where=str(path),
            hint="take an intact copy, or run the demo again with --keep",
        ) from error
    return replace(evidence, ledger=read_sealed_ledger(folder, seals))


def _evidence(fields: dict[str, Any]) -> Evidence:
    """All but the ledger."""
    return Evidence(
        ledger=Ledger(),
        run_of={line: run for run, lines in fields["lines"].items() for line in lines},
        copies=dict(fields["copies"]),
        corrupt=fields["corrupt"],
        fabricated=fields["fabricated"],
        misplaced=fields["misplaced"],
        copies_wanted=fields["copies_wanted"],
        counted={run: Tally(*pair) for run, pair in fields["counted"].items()},
        emitted_scores=fields["emitted_scores"],
        official_scores=fields["official_scores"],
        undrained=fields["undrained"],
        planted={line: Account(*account) for line, account in fields["planted"]},
        readers=tuple(fields["readers"]),
        letters={
            line: tuple(Letter(job, Account(*account)) for job, account in letters)
            for line, letters in fields["letters"]
        },
        mended=dict(fields["mended"]),
        fault=FaultEvidence(**fields["fault"]),
        reported_losses=tuple(ReportedLoss(**loss) for loss in fields["reported_losses"]),
    )


def _pairs(by_line: Any) -> list[tuple[int, Any]]:
    """A mapping with whole numbers as keys, which JSON has not."""
    return list(by_line.items())
