"""A kept run is judged again exactly as it was judged the first time."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from anabranch.cli.verify import command
from anabranch.devkit.evidence_file import load_evidence, save_evidence
from anabranch.devkit.ledger import LedgerWriter, content_hash
from anabranch.devkit.verifier import Evidence, FaultEvidence, tally_of, verify
from anabranch.errors import ConfigurationError


def keep(folder: Path, *, counted_lines: range) -> Evidence:
    hashes = {line: content_hash(b"%d" % line) for line in range(10)}
    writer = LedgerWriter(folder / "0.ledger")
    writer.sent(hashes.items())
    for line in hashes:
        writer.acknowledged(line, 0, 0, line)
    writer.close()
    run_of = {line: f"o/s/b/r{line % 2}" for line in hashes}
    from anabranch.devkit.ledger import read_ledger

    evidence = Evidence(
        ledger=read_ledger([folder / "0.ledger"]),
        run_of=run_of,
        copies={**dict.fromkeys(hashes, 1), 3: 2},
        corrupt=[],
        fabricated=[],
        counted=tally_of({line: hashes[line] for line in counted_lines}, run_of),
        emitted_scores={"o/s/b": 1.25, "o/s/c": None},
        official_scores={"o/s/b": 1.25, "o/s/c": None},
        undrained=[],
        planted=frozenset(),
        dead_lettered={},
        mended={},
        fault=FaultEvidence("kill", 5, 5),
    )
    save_evidence(folder, evidence)
    return evidence


def test_kept_run_reads_back_whole(tmp_path: Path) -> None:
    evidence = keep(tmp_path, counted_lines=range(10))
    assert load_evidence(tmp_path) == evidence
    assert verify(load_evidence(tmp_path)).ok


def test_command_judges_a_kept_run(tmp_path: Path) -> None:
    keep(tmp_path, counted_lines=range(10))
    good = CliRunner().invoke(command, [str(tmp_path)])
    assert good.exit_code == 0
    assert "verdict: OK" in good.output


def test_command_names_a_loss_and_exits_with_1(tmp_path: Path) -> None:
    keep(tmp_path, counted_lines=range(9))
    lost = CliRunner().invoke(command, [str(tmp_path), "--json"])
    assert lost.exit_code == 1
    assert json.loads(lost.output)["verdict"] == "LOST"


def test_folder_without_a_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--keep"):
        load_evidence(tmp_path)


def test_torn_file_is_named(tmp_path: Path) -> None:
    keep(tmp_path, counted_lines=range(10))
    path = tmp_path / "came-out.json.gz"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        load_evidence(tmp_path)
    assert caught.value.where == str(path)
    path.write_bytes(gzip.compress(b"{}"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_evidence(tmp_path)
