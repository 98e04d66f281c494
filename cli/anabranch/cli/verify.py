"""`anabranch verify`: judges a kept run of the demo again."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

__all__ = ["command"]


@click.command(name="verify")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="The verdict as one JSON object.")
def command(folder: Path, as_json: bool) -> None:
    """Holds the ledger in FOLDER against what came out, without brokers or Flink.

    FOLDER is what `anabranch demo --keep FOLDER` left. Exit code 0 only when nothing was lost, doubled or
    changed, and the fault bit.
    """
    from anabranch.devkit.evidence_file import load_evidence
    from anabranch.devkit.figures import FIGURES
    from anabranch.devkit.verifier import verify

    verdict = verify(load_evidence(folder))
    if as_json:
        click.echo(json.dumps(verdict.as_json()))
    else:
        for name, value in verdict.figures.items():
            click.echo(f"{name.replace('_', ' '):<20} {value:>12,}  {FIGURES.get(name, '')}".rstrip())
        for finding in verdict.findings:
            click.echo(f"{finding.name}: {finding.detail}")
        click.echo(f"verdict: {verdict.name} ({verdict.name.meaning})")
    sys.exit(0 if verdict.ok else 1)
