"""`anabranch topology`: what the commands print, and that the schema is in step."""

from __future__ import annotations

import importlib
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from anabranch.cli.topology import command
from anabranch.errors import TopologyError, UnavailableError
from anabranch.topology.schema import topology_schema, topology_schema_text
from anabranch.topology.store import MAX_BYTES

REPOSITORY = Path(__file__).parents[2]
VECTORS = Path(__file__).parent / "vectors" / "topology.json"

DOCUMENT = """\
# our clusters
generation: 7   # grows
groups:
  training:
    primaries:
      a: {bootstrap: ["127.0.0.1:9092"]}   # hall 1
      b:
        # hall 2
        bootstrap: ["127.0.0.1:9094"]
        auth: {type: scram, username: alice, password: "env:KAFKA_PASSWORD"}
    streams:
      training-logs: {partitions: 8, retention_s: 604800, outage_budget_s: 5400}
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "topology.yaml").write_text(DOCUMENT)
    return tmp_path


def run(*arguments: str, stdin: str | None = None) -> Result:
    result = CliRunner().invoke(command, arguments, input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_show_as_tables_and_as_json(here: Path) -> None:
    shown = run("show", "topology.yaml").output
    for words in ("generation 7", "training-logs", "127.0.0.1:9094", "scram", "7 d", "90 min"):
        assert words in shown
    assert "KAFKA_PASSWORD" not in shown
    data = json.loads(run("show", "topology.yaml", "--json").output)
    assert data["groups"]["training"]["primaries"]["b"]["state"] == "active"


def test_show_leaves_nothing_of_an_address_out(here: Path) -> None:
    Path("topology.yaml").write_text(DOCUMENT.replace("127.0.0.1:9092", "[fd00::1]:9092"))
    assert "[fd00::1]:9092" in run("show", "topology.yaml").output


@pytest.mark.parametrize("topic", ["", "another"])
def test_topics_are_shown_where_one_has_another_name(here: Path, topic: str) -> None:
    other = f"topic: {topic}, partitions" if topic else "partitions"
    (here / "topology.yaml").write_text(DOCUMENT.replace("partitions", other))
    shown = run("show", "topology.yaml").output
    assert ("topic" in shown) == ("another" in shown) == bool(topic)


def test_location_may_come_from_the_environment(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANABRANCH_TOPOLOGY", "topology.yaml")
    assert "generation 7" in run("show").output


def test_without_a_location_both_ways_to_give_it_are_told(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANABRANCH_TOPOLOGY", raising=False)
    result = run("show")
    assert result.exit_code == 2
    assert "Missing argument 'LOCATION'. Give it, or set $ANABRANCH_TOPOLOGY." in result.output


def test_folder_in_place_of_a_document(here: Path) -> None:
    with pytest.raises(UnavailableError, match="Is a directory") as caught:
        run("validate", str(here))
    assert caught.value.hint == "name a file in it"


def test_a_pipe_is_no_location_but_brings_a_document(here: Path) -> None:
    os.mkfifo("pipe")
    with pytest.raises(TopologyError, match="is no regular file"):
        run("show", "pipe")
    writer = threading.Thread(target=Path("pipe").write_text, args=(DOCUMENT,))
    writer.start()
    assert run("validate", "pipe").output.startswith("pipe: valid, generation 7")
    writer.join()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("show", "/dev/zero"), "is no regular file"),
        (("show", "huge"), f"the file has more than {MAX_BYTES} bytes"),
        (("validate", "/dev/zero"), f"there are more than {MAX_BYTES} bytes"),
        (("validate", "huge"), f"the file has more than {MAX_BYTES} bytes"),
    ],
)
def test_what_has_no_end_or_is_no_document_for_its_size_is_not_read_whole(
    here: Path, arguments: tuple[str, ...], says: str
) -> None:
    with Path("huge").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(TopologyError, match=says):
        run(*arguments)


def test_validate_alone_and_against_what_is_published(here: Path) -> None:
    assert (
        run("validate", "topology.yaml").output
        == "topology.yaml: valid, generation 7 (2 primaries, 1 stream)\n"
    )
    assert run("validate", "-", stdin=DOCUMENT).output.startswith("stdin: valid")
    run("apply", "topology.yaml", "published.yaml")
    older = DOCUMENT.replace("generation: 7", "generation: 6")
    with pytest.raises(TopologyError, match="generation 6 does not grow: 7 is published"):
        run("validate", "-", "--against", "published.yaml", stdin=older)
    with pytest.raises(TopologyError, match=r"stdin:12: .*unknown field 'retention'"):
        run("validate", "-", stdin=DOCUMENT.replace("retention_s", "retention"))


def test_apply_tells_what_changed(here: Path) -> None:
    assert run("apply", "topology.yaml", "published.yaml", "--dry-run").output.startswith(
        "published.yaml: would be published, generation 7"
    )
    assert not (here / "published.yaml").exists()
    assert "+ training/a active" in run("apply", "topology.yaml", "published.yaml").output
    assert "unchanged" in run("apply", "topology.yaml", "published.yaml").output
    assert (here / "published.yaml").read_text() == DOCUMENT
    after = json.loads(
        run(
            "apply",
            "-",
            "published.yaml",
            "--json",
            stdin=DOCUMENT.replace("generation: 7", "generation: 8").replace("bootstrap", "bootstrap", 1),
        ).output
    )
    assert after == {
        "location": "published.yaml",
        "before": 7,
        "generation": 8,
        "changed": True,
        "dry_run": False,
    }


@pytest.mark.parametrize("option", [[], ["--dry-run"]])
def test_apply_tells_every_change_of_streams_and_primaries(here: Path, option: list[str]) -> None:
    run("apply", "topology.yaml", "published.yaml")
    after = DOCUMENT.replace("generation: 7", "generation: 8")
    for old, new in (
        ("partitions: 8, retention_s: 604800", "partitions: 16, topic: logs-v2, copies: 2, retention_s: 60"),
        (", outage_budget_s: 5400}", "}\n      more: {partitions: 3}"),
        ('"127.0.0.1:9092"', '"127.0.0.1:9092", "127.0.0.1:9192"'),
        ("alice", "bob"),
    ):
        assert old in after
        after = after.replace(old, new)
    assert run("apply", "-", "published.yaml", *option, stdin=after).output.splitlines()[1:] == [
        "  ~ training/a bootstrap 127.0.0.1:9092 -> 127.0.0.1:9092, 127.0.0.1:9192",
        "  ~ training/b auth scram, another username",
        "  ~ stream training/training-logs topic training-logs -> logs-v2",
        "  ~ stream training/training-logs partitions 8 -> 16",
        "  ~ stream training/training-logs copies 1 -> 2",
        "  ~ stream training/training-logs retention_s 604800 -> 60",
        "  ~ stream training/training-logs outage_budget_s 5400 -> unset",
        "  + stream training/more partitions 3, copies 1",
    ]
    if not option:
        back = after.replace("generation: 8", "generation: 9").replace("      more: {partitions: 3}\n", "")
        back = back.replace("type: scram, username: bob, ", "type: plain, username: bob, ")
        assert run("apply", "-", "published.yaml", stdin=back).output.splitlines()[1:] == [
            "  ~ training/b auth scram -> plain",
            "  - stream training/more",
        ]


def test_apply_over_what_is_invalid_only_on_demand(here: Path) -> None:
    (here / "published.yaml").write_text("generation: seven")
    with pytest.raises(TopologyError, match="--over-invalid"):
        run("apply", "topology.yaml", "published.yaml")
    run("apply", "topology.yaml", "published.yaml", "--over-invalid")
    assert (here / "published.yaml").read_text() == DOCUMENT


def test_set_state_keeps_comments_and_layout(here: Path) -> None:
    output = run("set-state", "a", "draining", "topology.yaml").output
    assert "~ training/a active -> draining" in output
    assert (here / "topology.yaml").read_text() == DOCUMENT.replace("generation: 7", "generation: 8").replace(
        "a: {bootstrap", "a: {state: draining, bootstrap"
    )
    run("set-state", "a", "active", "topology.yaml")
    run("set-state", "b", "removed", "topology.yaml")
    assert (here / "topology.yaml").read_text() == DOCUMENT.replace(
        "generation: 7", "generation: 10"
    ).replace("a: {bootstrap", "a: {state: active, bootstrap").replace(
        "        bootstrap: [", "        state: removed\n        bootstrap: ["
    )
    assert "unchanged" in run("set-state", "b", "removed", "topology.yaml").output
    with pytest.raises(TopologyError, match="no active primary"):
        run("set-state", "a", "draining", "topology.yaml")


def test_missing_document_says_what_to_do(here: Path) -> None:
    for arguments in (
        ["show", "nowhere.yaml"],
        ["validate", "nowhere.yaml"],
        ["apply", "nowhere.yaml", "published.yaml"],
        ["set-state", "a", "draining", "nowhere.yaml"],
    ):
        with pytest.raises(TopologyError, match=r"nowhere\.yaml: there is no") as caught:
            run(*arguments)
        assert caught.value.hint


def test_committed_schema_is_in_step(here: Path) -> None:
    committed = (REPOSITORY / "docs" / "topology.schema.json").read_text("utf-8")
    assert committed == topology_schema_text(), "run: anabranch topology schema > docs/topology.schema.json"
    assert run("schema").output == committed


def test_schema_agrees_with_the_models_on_what_a_schema_can_say() -> None:
    jsonschema: Any = importlib.import_module("jsonschema")
    validator = jsonschema.Draft202012Validator(topology_schema())
    refused = 0
    for case in json.loads(VECTORS.read_text("utf-8"))["documents"]:
        try:
            data = json.loads(case["text"])
        except json.JSONDecodeError:
            continue
        is_valid = validator.is_valid(data)
        if "error" not in case:
            assert is_valid, case["name"]
        refused += not is_valid
    assert refused > 50
