"""Settings: which place wins, where each value came from, and errors with lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from anabranch.devkit.flink_config import FlinkSpec, session_config
from anabranch.errors import ConfigurationError
from anabranch.pipelines.configuration import flink_configuration
from anabranch.pipelines.job_file import file_layer, job_schema
from anabranch.pipelines.layers import Layer, environment_layer, resolve
from anabranch.pipelines.settings import Settings


def _file(tmp_path: Path, text: str) -> Layer:
    path = tmp_path / "job.yaml"
    path.write_text(text)
    return file_layer(path)


def test_flag_beats_environment_beats_file_beats_default(tmp_path: Path) -> None:
    file = _file(tmp_path, "parallelism: 2\ncheckpoints:\n  interval_s: 7\n  retained: 4\nstart: latest\n")
    environment = environment_layer({"ANABRANCH_PARALLELISM": "3", "ANABRANCH_CHECKPOINTS_INTERVAL_S": "8"})
    flags = Layer({("parallelism",): 5}, {("parallelism",): "--parallelism"})
    resolved = resolve([file, environment, flags])
    assert resolved.settings.parallelism == 5
    assert resolved.settings.checkpoints.interval_s == 8
    assert resolved.settings.checkpoints.retained == 4
    rows = {name: (value, source) for name, value, source in resolved.rows()}
    assert rows["parallelism"] == ("5", "--parallelism")
    assert rows["checkpoints.interval_s"] == ("8.0", "ANABRANCH_CHECKPOINTS_INTERVAL_S")
    assert rows["checkpoints.retained"][1].endswith("job.yaml:4")
    assert rows["state.backend"] == ("rocksdb", "default")


def test_flink_options_keep_their_own_names_and_lines(tmp_path: Path) -> None:
    file = _file(tmp_path, "flink:\n  table.exec.state.ttl: 1 h\n  pipeline.object-reuse: false\n")
    resolved = resolve([file])
    rows = {name: (value, source) for name, value, source in resolved.rows()}
    assert rows["flink.table.exec.state.ttl"][0] == "1 h"
    assert rows["flink.table.exec.state.ttl"][1].endswith("job.yaml:2")
    options = flink_configuration("j", resolved.settings, tmp_path)
    assert options["pipeline.object-reuse"] == "false", "the user's own options win"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("parallelism: 2\nparalelism: 3\n", 2, "unknown setting 'paralelism'"),
        ("checkpoints:\n  interval: 3\n", 2, "unknown setting 'checkpoints.interval'"),
        ("checkpoints:\n  interval_s: -1\n", 2, "greater than or equal to 0.01"),
        ("bounded: true\nmini_batch: {latency_s: .inf}\n", 2, "finite number"),
        ("bounded: true\ncluster: 'h:²'\n", 2, "no host:port"),
        ("bounded: true\ncluster: h:65536\n", 2, "no host:port"),
        ("checkpoints:\n  retained: 1\n", 2, "greater than or equal to 3"),
        ("state:\n  backend: rocks\n", 2, "'rocksdb' or 'hashmap'"),
        ("parallelism: 2\nparallelism: 3\n", 2, "twice"),
        ("parallelism: [\n", 1, "not YAML"),
        ("start: latest\ninputs: {format: json\nparallelism: 2\n", 2, "not YAML"),
        ("flink: {a: 1,\n  b: 2 c: 3}\n", 2, "not YAML"),
        ("topology: 'a\nstart: 'latest'\nbounded: true\n", 1, "not YAML"),
        ("parallelism:4\nbounded: true\n", 1, "not YAML"),
        ("bounded: true\ntopology: a\x07b\n", 2, "special characters are not allowed"),
        ("parallelism: 2\nstart latest\n\n# or\nbounded: true\n", 2, "could not find expected ':'"),
        ('parallelism: 2\nstart: "latest\nbounded: true\n', 2, "unexpected end"),
        ("checkpoints:\n  interval_s 5\n", 1, "'interval_s 5' is no mapping"),
        ("flink: 5\n", 1, "flink: 5 is no mapping"),
        ("- a\n", 1, "no mapping"),
        ("bounded: true\nparallelism: 2024-13-45\n", 2, "parallelism: '2024-13-45' is no timestamp"),
        ("inputs:\n  max-value-bytes: !!int x\n", 2, "inputs.max-value-bytes: 'x' is no int"),
        ("start: latest\nparallelism: !!bool 1\n", 2, "parallelism: '1' is no bool"),
        ("start: latest\nparallelism:\n  !!int ''\n", 3, "parallelism: '' is no int"),
        ("flink:\n  a: [b,\n    !!bool 1]\n", 3, "flink.a: '1' is no bool"),
        ("flink:\n  a: [{b: 2024-13-45}]\n", 2, "flink.a.b: '2024-13-45' is no timestamp"),
        ("flink:\n  a: [{password: 2024-13-45}]\n", 2, r"flink.a.password: \*{6} is no timestamp"),
        ("flink:\n  a: !!bool 7\n", 2, "flink.a: '7' is no bool"),
        ("start: latest\nflink: &f\n  a: {b: *f}\n", 3, "'b' holds itself"),
        ("parallelism: 1\ntopology: !here t\n", 2, "not YAML: could not determine a constructor"),
    ],
)
def test_a_wrong_file_is_told_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        resolve([_file(tmp_path, text)])
    assert str(caught.value.where).endswith(f"job.yaml:{line}")


def test_a_value_that_an_alias_repeats_is_told_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="2 settings are wrong") as caught:
        resolve([_file(tmp_path, "start: &x 2024-13-45\nrestore: *x\n")])
    assert "not YAML" not in caught.value.message


@pytest.mark.parametrize("value", ["1" * 5000, "0x" + "f" * 5000, f"[{'1' * 5000}]", f"'{'x' * 5000}'"])
def test_of_a_long_value_no_more_than_a_line_is_shown(tmp_path: Path, value: str) -> None:
    with pytest.raises(ConfigurationError, match="start: ") as caught:
        resolve([_file(tmp_path, f"start: {value}\n")])
    assert len(str(caught.value)) < 600


def test_a_file_that_is_nested_too_deep_is_no_defect(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="nested too deep"):
        _file(tmp_path, f"flink: {'[' * 3000}{']' * 3000}\n")


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("parallelism 4\ncheckpoints:\n  interval_s: 5\n", 1, "a ':' and a space"),
        ("inputs:\n  format: json\n    group-id: g\n", 3, "whether the one before lacks a ':'"),
        ("inputs: {format: json\nparallelism: 2\n", 1, "lacks its '}'"),
        ("inputs: {a: [b, c}\nparallelism: 2\n", 1, "quotes"),
    ],
)
def test_what_is_to_be_mended_stands_below_it(tmp_path: Path, text: str, line: int, hint: str) -> None:
    with pytest.raises(ConfigurationError, match="not YAML") as caught:
        _file(tmp_path, text)
    assert str(caught.value.where).endswith(f"job.yaml:{line}")
    assert hint in str(caught.value.hint)


def test_a_close_name_is_suggested(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean parallelism"):
        resolve([_file(tmp_path, "paralelism: 3\n")])


def test_several_problems_come_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="2 settings are wrong") as caught:
        resolve([_file(tmp_path, "a: 1\nb: 2\n")])
    assert "job.yaml:1" in str(caught.value)
    assert "job.yaml:2" in str(caught.value)


@pytest.mark.parametrize(
    "third",
    [
        "parallelism: 2",
        "inputs: {out-of-range: ignore}",
        "inputs: {dedupe: true}",
        "inputs: {scan.startup.mod: latest}",
        "flink: {table.exec.state.ttl: [1]}",
        "topology: [a]",
    ],
)
def test_all_problems_come_together_whoever_finds_them(tmp_path: Path, third: str) -> None:
    with pytest.raises(ConfigurationError, match="3 settings are wrong") as caught:
        resolve([_file(tmp_path, f"parallelism: 0\nstart: now\n{third}\n")])
    assert caught.value.message.count("\n") == 3
    assert "job.yaml:3" in caught.value.message


def test_options_of_formats_and_primaries_are_left_to_those_who_know_them(tmp_path: Path) -> None:
    options = "inputs: {csv.delimiter: ;, key.json.x: y, scan.startup.primary.b: latest}\n"
    assert len(resolve([_file(tmp_path, options)]).settings.inputs) == 3


def test_a_name_without_a_value_has_none(tmp_path: Path) -> None:
    assert resolve([_file(tmp_path, "topology:\nparallelism: 3\n")]).settings.topology is None


def test_problems_come_in_the_order_of_their_lines_and_with_a_next_step(tmp_path: Path) -> None:
    file = _file(tmp_path, "b: 1\n" + "\n" * 8 + "checkpoints:\n  interval_s: x\nstate:\n  backend: rocks\n")
    flags = Layer({("parallelism",): 0}, {("parallelism",): "--parallelism"})
    with pytest.raises(ConfigurationError, match="4 settings are wrong") as caught:
        resolve([file, flags])
    places = [
        line.split(": ")[0].rpartition("job.yaml:")[2] for line in caught.value.message.splitlines()[1:]
    ]
    assert places == ["1", "11", "13", "  --parallelism"]
    assert "--schema" in str(caught.value.hint)


def test_an_empty_variable_says_something_of_dead_letters_alone() -> None:
    empty = {"ANABRANCH_DEAD_LETTERS": "", "ANABRANCH_TOPOLOGY": ""}
    resolved = resolve([environment_layer(empty)])
    assert resolved.settings.dead_letters is None
    assert resolved.sources == {"dead_letters": "ANABRANCH_DEAD_LETTERS"}


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(ConfigurationError, match="valid integer") as caught:
        resolve([environment_layer({"ANABRANCH_PARALLELISM": "many"})])
    assert caught.value.where == "ANABRANCH_PARALLELISM"


def test_relative_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    resolved = resolve([_file(tmp_path, "topology: here/topology.yaml\ncheckpoints: {dir: s3://b/c}\n")])
    assert resolved.settings.topology == str(tmp_path / "here" / "topology.yaml")
    assert resolved.settings.checkpoints.dir == "s3://b/c"


def test_a_colon_makes_no_uri_of_a_path(tmp_path: Path) -> None:
    text = "topology: top:ology.yaml\ncheckpoints: {dir: runs/10:30}\nrestore: file:/old/chk-1\n"
    settings = resolve([_file(tmp_path, text)]).settings
    assert settings.topology == f"{tmp_path}/top:ology.yaml"
    assert settings.checkpoints.dir == f"{tmp_path}/runs/10:30"
    assert settings.restore == "file:/old/chk-1"


@pytest.mark.parametrize("name", ["a b", "a,b é:c %d #x", "a%20b?", "[0]"])
def test_checkpoints_go_where_the_path_says_whatever_letters_it_has(tmp_path: Path, name: str) -> None:
    """Flink escapes nothing and takes nothing for escaped."""
    options = flink_configuration("j", Settings(), tmp_path / name)
    assert options["execution.checkpointing.dir"] == f"file://{tmp_path}/{name}/checkpoints"


def test_a_link_that_a_path_goes_through_stays_one(tmp_path: Path) -> None:
    (tmp_path / "first").mkdir()
    (tmp_path / "now").symlink_to("first")
    text = "topology: now/topology.yaml\ninputs: {topology: now/own.yaml}\n"
    settings = resolve([_file(tmp_path, text)]).settings
    assert settings.topology == str(tmp_path / "now" / "topology.yaml")
    assert settings.inputs["topology"] == str(tmp_path / "now" / "own.yaml")


def test_defaults_lose_nothing(tmp_path: Path) -> None:
    options = flink_configuration("j", Settings(), tmp_path)
    assert options["execution.checkpointing.dir"] == f"file://{tmp_path}/checkpoints"
    assert options["table.exec.uid.generation"] == "ALWAYS"


def test_defaults_of_state_are_the_same_wherever_a_job_runs(tmp_path: Path) -> None:
    """`test_compose_in_step.py` holds docker-compose.yml to the second."""
    defaults = {
        "state.backend.type": "rocksdb",
        "execution.checkpointing.incremental": "true",
        "execution.checkpointing.num-retained": "3",
        "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
        "execution.checkpointing.tolerable-failed-checkpoints": "60",
        "execution.checkpointing.local-backup.enabled": "true",
        "execution.state-recovery.from-local": "true",
    }
    run = flink_configuration("j", Settings(), tmp_path)
    loop = yaml.safe_load(session_config(FlinkSpec(), tmp_path, 1, 2))
    for options in (run, loop):
        assert {key: options[key] for key in defaults} == defaults


@pytest.mark.parametrize(("interval_s", "failures"), [(0.5, "1200"), (7, "86"), (3600, "1")])
def test_storage_may_be_away_for_ten_minutes(tmp_path: Path, interval_s: float, failures: str) -> None:
    settings = Settings.model_validate({"checkpoints": {"interval_s": interval_s}})
    options = flink_configuration("j", settings, tmp_path)
    assert options["execution.checkpointing.tolerable-failed-checkpoints"] == failures


def test_the_shortest_time_is_a_millisecond(tmp_path: Path) -> None:
    settings = Settings.model_validate({"mini_batch": {"latency_s": 0.0004}})
    options = flink_configuration("j", settings, tmp_path)
    assert options["table.exec.mini-batch.allow-latency"] == "1 ms"


def test_a_cluster_is_where_the_job_goes(tmp_path: Path) -> None:
    options = flink_configuration("j", Settings(cluster="flink.example:8081"), tmp_path)
    assert options["execution.target"] == "remote"
    assert (options["rest.address"], options["rest.port"]) == ("flink.example", "8081")
    assert "restart-strategy.type" not in options, "the cluster's own holds"


def test_the_schema_knows_every_setting() -> None:
    schema = json.loads(job_schema())
    assert set(schema["properties"]) == set(Settings.model_fields)
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("text", ["parallelism: two\n", "state: {backend: rocks}\n"])
def test_one_wrong_value_has_a_next_step(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        resolve([_file(tmp_path, text)])
    assert "--schema" in str(caught.value.hint)


def test_no_stream_of_dead_letters_is_one_whichever_way_it_is_written(tmp_path: Path) -> None:
    for text in ("dead_letters: ''\n", "dead_letters:\n"):
        assert resolve([_file(tmp_path, text)]).settings.dead_letters is None
