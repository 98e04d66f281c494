"""A kept run is judged again exactly as it was judged the first time."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from anabranch.cli.verify import command
from anabranch.devkit.evidence import Evidence, FaultEvidence, ReportedLoss, tally_of
from anabranch.devkit.evidence_file import load_evidence, save_evidence
from anabranch.devkit.ledger import LedgerWriter, content_hash, read_ledger
from anabranch.devkit.verifier import verify
from anabranch.errors import ConfigurationError

# Enough for a ledger of some thousand bytes.
LINES = 200


def keep(folder: Path, *, counted_lines: range) -> Evidence:
    hashes = {line: content_hash(b"%d" % line) for line in range(LINES)}
    writer = LedgerWriter(folder / "0.ledger")
    writer.sent(hashes.items())
    for line in hashes:
        writer.acknowledged(line, 0, 0, line)
    seal = writer.close()
    run_of = {line: f"o/s/b/r{line % 2}" for line in hashes}
    evidence = Evidence(
        ledger=read_ledger([folder / "0.ledger"]),
        run_of=run_of,
        copies={**dict.fromkeys(hashes, 1), 3: 2},
        corrupt=[],
        fabricated=[],
        misplaced={"b": 1},
        copies_wanted=1,
        counted=tally_of({line: hashes[line] for line in counted_lines}, run_of),
        emitted_scores={"o/s/b": 1.25, "o/s/c": None},
        official_scores={"o/s/b": 1.25, "o/s/c": None},
        undrained=[],
        planted={},
        readers=("job",),
        letters={},
        mended={},
        fault=FaultEvidence("wipe", 5, 5, victim="b"),
        reported_losses=(ReportedLoss("b", "CLUSTER_REPLACED: b/logs-0"),),
    )
    save_evidence(folder, evidence, {"0.ledger": seal})
    return evidence


def test_kept_run_reads_back_whole(tmp_path: Path) -> None:
    evidence = keep(tmp_path, counted_lines=range(LINES))
    assert load_evidence(tmp_path) == evidence
    assert verify(load_evidence(tmp_path)).ok


def test_command_judges_a_kept_run(tmp_path: Path) -> None:
    keep(tmp_path, counted_lines=range(LINES))
    good = CliRunner().invoke(command, [str(tmp_path)])
    assert good.exit_code == 0
    assert "verdict: OK" in good.output


def test_command_names_a_loss_and_exits_with_1(tmp_path: Path) -> None:
    keep(tmp_path, counted_lines=range(LINES - 1))
    lost = CliRunner().invoke(command, [str(tmp_path), "--json"])
    assert lost.exit_code == 1
    assert json.loads(lost.output)["verdict"] == "LOST"


def test_folder_without_a_run_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--keep"):
        load_evidence(tmp_path)


def test_torn_file_is_named(tmp_path: Path) -> None:
    keep(tmp_path, counted_lines=range(LINES))
    path = tmp_path / "came-out.json.gz"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        load_evidence(tmp_path)
    assert caught.value.where == str(path)
    path.write_bytes(gzip.compress(b"{}"))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_evidence(tmp_path)


def changed(path: Path) -> None:
    """One bit of one entry, in the middle."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(size: int) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(path.read_bytes()[:-size])


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (cut(5), "0.ledger is damaged"),
        (cut(24), "0.ledger is damaged"),
        (cut(64), "0.ledger is damaged"),
        (cut(5000), "0.ledger is damaged"),
        (lambda path: path.write_bytes(b""), "0.ledger is damaged"),
        (lambda path: path.write_bytes(b"garbage" * 900), "0.ledger is damaged"),
        (lambda path: path.write_bytes(bytes(path.stat().st_size)), "0.ledger is damaged"),
        (lambda path: path.write_bytes(path.read_bytes() * 2), "0.ledger is damaged"),
        (changed, "0.ledger is damaged"),
        (Path.unlink, "0.ledger is missing"),
        (lambda path: path.rename(path.with_name("9.ledger")), "9.ledger is not of this run"),
    ],
)
def test_ledger_that_is_not_as_it_was_is_never_judged(
    tmp_path: Path, damage: Callable[[Path], object], problem: str
) -> None:
    keep(tmp_path, counted_lines=range(LINES))
    damage(tmp_path / "0.ledger")
    judged = CliRunner().invoke(command, [str(tmp_path)])
    assert isinstance(judged.exception, ConfigurationError)
    assert problem in str(judged.exception)
    assert "verdict" not in judged.output


@pytest.mark.parametrize("place", [0.0, 0.3, 0.6, 0.99])
def test_any_damage_to_what_came_out_is_named(tmp_path: Path, place: float) -> None:
    keep(tmp_path, counted_lines=range(LINES))
    path = tmp_path / "came-out.json.gz"
    data = bytearray(path.read_bytes())
    data[int(place * len(data))] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_evidence(tmp_path)


@pytest.mark.parametrize("text", [b"[]", b"{}", b'{"ledgers": []}', b'{"ledgers": {"0.ledger": {}}}', b"1"])
def test_other_json_in_its_place_is_named(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "came-out.json.gz").write_bytes(gzip.compress(text))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_evidence(tmp_path)


def test_files_that_prove_nothing_may_be_damaged(tmp_path: Path) -> None:
    keep(tmp_path, counted_lines=range(LINES))
    for name in ("0.shard", "0.progress", "0.log", "pace"):
        (tmp_path / name).write_bytes(b"\x00garbage")
    assert verify(load_evidence(tmp_path)).ok
