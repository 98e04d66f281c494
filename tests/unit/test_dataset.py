"""The input: replay order, identities, limits and errors; the score rule against the official table."""

from __future__ import annotations

import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from anabranch.devkit.dataset import load_dataset
from anabranch.devkit.demo_replay import _mix
from anabranch.devkit.planted import plant
from anabranch.devkit.scores import official_score, read_scores, scores_of
from anabranch.errors import ConfigurationError

DATA = Path(__file__).parents[2] / "data"


def write(path: Path, events: list[tuple[str, int]]) -> Path:
    path.write_text("".join(f'{run}\t{{"namespace": "", "time_ms": {ms}}}\n' for run, ms in events))
    return path


def test_runs_are_rebased_to_go_side_by_side(tmp_path: Path) -> None:
    path = write(
        tmp_path / "d.tsv", [("o/s/b/r1", 5000), ("o/s/b/r1", 5020), ("o/s/b/r2", 100), ("o/s/b/r2", 110)]
    )
    dataset = load_dataset(path)
    assert [(event.run, event.sequence) for event in dataset.events] == [
        ("o/s/b/r1", 0),
        ("o/s/b/r2", 0),
        ("o/s/b/r2", 1),
        ("o/s/b/r1", 1),
    ]
    assert json.loads(dataset.events[3].payload) == {
        "run": "o/s/b/r1",
        "seq": 1,
        "namespace": "",
        "time_ms": 5020,
    }
    assert dataset.groups == {"o/s/b"}


def test_limit_takes_whole_groups_drawn_from_the_seed(tmp_path: Path) -> None:
    path = write(tmp_path / "d.tsv", [(f"o/s/b{i}/r{j}", 1) for i in range(20) for j in range(3)])
    dataset = load_dataset(path, limit=7, seed=1)
    assert len(dataset.events) == 9
    assert len(dataset.groups) == 3
    assert load_dataset(path, limit=7, seed=1).groups == dataset.groups
    assert any(load_dataset(path, limit=7, seed=seed).groups != dataset.groups for seed in range(2, 6))


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("no tab", "run id TAB"),
        ("r\t{}", "time_ms is missing"),
        ("r\tnot json", "run id TAB"),
        ('r\t{"time_ms": 2, "key": "run_st', "not JSON: Unterminated string"),
        ('r\t{"time_ms": 2, "x": NaN}', "not JSON: NaN is no number"),
        ('r\t{"time_ms": 2, "x": "\\x"}', "not JSON: Invalid"),
        ('r\t{"time_ms": 2.5}', "time_ms is no whole number"),
        ('r\t{"metadata": {"time_ms": 2}}', "time_ms is missing"),
        ('r\t{"time_ms": 2, "run": "x"}', "field 'run', which the replay adds"),
        ('r\t{"seq": null, "time_ms": 2}', "field 'seq', which the replay adds"),
        (f'r\t{{"time_ms": {2**63}}}', "64 bits"),
        (f'r\t{{"time_ms": {"9" * 5000}}}', "64 bits"),
        ('r\t{"time_ms": 2, "x": ' + "[" * 100_000 + "}", "not JSON"),
    ],
)
def test_bad_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "d.tsv"
    path.write_text(f'r\t{{"time_ms": 1}}\n{line}\n')
    with pytest.raises(ConfigurationError, match=says) as caught:
        load_dataset(path)
    assert caught.value.where == f"{path}:2"


def test_a_shipped_file_is_taken_at_its_word(tmp_path: Path) -> None:
    path = tmp_path / "d.tsv"
    path.write_text('r\t{"time_ms": 1, "key": "run_st\n')
    assert len(load_dataset(path, known_good=True).events) == 1
    path.write_text(f'r\t{{"time_ms": {"9" * 5000}}}\n')
    with pytest.raises(ConfigurationError, match="64 bits"):
        load_dataset(path, known_good=True)


@pytest.mark.parametrize("name", ["/dev/null", "."])
def test_what_is_no_regular_file_is_not_told_as_missing(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no regular file"):
        load_dataset(Path(name))


def test_a_run_id_is_quoted_in_its_events(tmp_path: Path) -> None:
    dataset = load_dataset(write(tmp_path / "d.tsv", [("o/s\\b/\u00e9\x01/r1", 1)]))
    assert json.loads(dataset.events[0].payload)["run"] == "o/s\\b/\u00e9\x01/r1" == next(iter(dataset.runs))


@pytest.mark.parametrize("count", [1, 4, 5, 6])
def test_a_small_input_has_its_bad_records_too(tmp_path: Path, count: int) -> None:
    events = load_dataset(write(tmp_path / "d.tsv", [("o/s/b/r1", n) for n in range(count)])).events
    planted = plant(count, 5, 0)
    mixed = _mix(events, planted)
    assert sorted(event.line for event in mixed) == list(range(count + 5))
    assert [event for event in mixed if event.run == "o/s/b/r1"] == events


def test_scores_are_computed_of_events_that_lack_what_they_go_by(tmp_path: Path) -> None:
    path = tmp_path / "d.tsv"
    path.write_text(
        'o/s/b/r1\t{"time_ms": 1, "value": "run_stop", "x": "run_start", "run_start": 1}\n'
        'o/s/b/r1\t{"time_ms": 2, "key": "run_stop", "metadata": null}\n'
        'o/s/b/r1\t{"time_ms": 3, "key": "submission_benchmark"}\n'
    )
    assert scores_of(load_dataset(path).events) == {"o/s/b": None}


def test_missing_file_says_what_to_give(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="--data FILE"):
        load_dataset(tmp_path / "absent")


@pytest.mark.timeout(400)  # 930,290 events; seconds, but minutes where a dozen processes run
def test_score_rule_gives_the_official_table() -> None:
    official = read_scores(DATA / "mlperf-training-v4.0-scores.csv")
    scores = scores_of(load_dataset(DATA / "mlperf-training-v4.0.tsv.xz", known_good=True).events)
    assert len(official) == 165
    assert scores.keys() == official.keys()
    for group, score in official.items():
        assert scores[group] == pytest.approx(score, abs=1e-6), group


def test_too_many_failed_runs_have_no_score() -> None:
    assert official_score("bert", [1.0, 2.0, 3.0], failed=2) is None
    assert official_score("bert", [1.0, 2.0, 3.0, 9.0], failed=0) == 2.5
    assert official_score("bert", [1.0, 2.0, 3.0, 9.0], failed=1) == pytest.approx(14 / 3)


@pytest.mark.parametrize(
    "content", [b"a,b\n1,2\n", b"", b'group,score_minutes\nx,"\xff', b"group,score_minutes\nx,one\n"]
)
def test_scores_file_of_another_form_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="columns: group, score_minutes"):
        read_scores(path)


def test_xz_and_plain_read_alike(tmp_path: Path) -> None:
    plain = write(tmp_path / "d.tsv", [("o/s/b/r1", 5000)])
    packed = tmp_path / "d.tsv.xz"
    packed.write_bytes(lzma.compress(plain.read_bytes()))
    assert load_dataset(plain) == load_dataset(packed)


def test_planted_records_of_every_kind_are_undecodable_and_their_mended_form_is_not() -> None:
    planted = plant(1000, 100, seed=3)
    assert {bad.kind for bad in planted} == {
        "truncated",
        "wrong-type",
        "not-a-number",
        "wrong-encoding",
        "too-large",
    }
    assert [bad.event.line for bad in planted] == list(range(1000, 1100))
    assert all(b"\n" not in bad.event.payload for bad in planted)
    for bad in planted:
        mended = json.loads(bad.mended)
        assert mended["seq"] == bad.event.sequence
        assert isinstance(mended["time_ms"], int)
        assert bad.event.payload != bad.mended
        if bad.kind == "truncated":
            with pytest.raises(ValueError, match=r".+"):
                json.loads(bad.event.payload)
        if bad.kind == "too-large":
            assert len(bad.event.payload) > 1 << 20


@pytest.mark.parametrize(
    "spoil", [lambda whole: whole[:-40], lambda whole: whole[:30] + b"\0" * 40, lambda _: b"no xz"]
)
def test_a_compressed_file_that_is_not_whole(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    plain = write(tmp_path / "d.tsv", [(f"o/s/b/r{n}", n * 7919 % 10_007) for n in range(5000)])
    path = tmp_path / "d.tsv.xz"
    path.write_bytes(spoil(lzma.compress(plain.read_bytes())))
    with pytest.raises(ConfigurationError, match="cannot be read beyond line") as caught:
        load_dataset(path)
    assert caught.value.where == str(path)


def test_a_run_id_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "d.tsv"
    path.write_bytes(b'o/s/b/\xff\t{"time_ms": 1}\n')
    with pytest.raises(ConfigurationError, match="not UTF-8") as caught:
        load_dataset(path)
    assert caught.value.where == f"{path}:1"
