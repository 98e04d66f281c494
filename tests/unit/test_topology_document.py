"""Reading the document: what is taken, what is refused, and that errors point at the line."""

import json
from pathlib import Path
from typing import Any

import pytest

from anabranch.errors import TopologyError
from anabranch.topology import dump_topology, parse_topology
from anabranch.topology.guards import check_successor

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors" / "topology.json").read_text("utf-8"))

GOOD = """\
generation: 7
groups:
  training:
    primaries:
      a: {bootstrap: ["127.0.0.1:9092"]}
      b:
        bootstrap: ["127.0.0.1:9094"]
        state: draining
        auth: {type: scram, username: alice, password: "env:KAFKA_PASSWORD"}
    streams:
      training-logs: {partitions: 8, copies: 2, retention_s: 604800}
"""


def _named(cases: list[dict[str, Any]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in cases])


@_named([case for case in VECTORS["documents"] if "error" not in case])
def test_valid_documents_are_taken_and_written_again(case: dict[str, Any]) -> None:
    topology = parse_topology(case["text"])
    assert parse_topology(dump_topology(topology)) == topology


@_named([case for case in VECTORS["documents"] if "error" in case])
def test_invalid_documents_are_refused_by_field(case: dict[str, Any]) -> None:
    with pytest.raises(TopologyError) as caught:
        parse_topology(case["text"], "topology.yaml")
    assert case["error"] in caught.value.message
    assert "topology.yaml" in str(caught.value)


@_named(VECTORS["followers"])
def test_readers_follow_only_what_may_follow(case: dict[str, Any]) -> None:
    known, found = parse_topology(case["known"]), parse_topology(case["found"])
    if case["outcome"] == "refused":
        with pytest.raises(TopologyError):
            check_successor(known, found, "topology.yaml")
    else:
        check_successor(known, found, "topology.yaml")
        assert (known == found) == (case["outcome"] == "unchanged")


def test_every_problem_is_told_at_once_in_the_order_of_lines() -> None:
    text = """\
generation: 0
groups:
  g:
    primaries:
      a: {bootstrap: ["h:1"]}
      b: {bootstrap: ["h:1"]}
      c: {bootstrap: [h]}
    streams:
      s: {partitions: 1, copies: 4}
      t: {partitions: 1, topic: s, retention: 7}
      u: {partitions: 1, topic: s}
      v: {partitions: 1, copies: 3}
      v: {partitions: 1, copies: 3}
"""
    with pytest.raises(TopologyError) as caught:
        parse_topology(text, "t.yaml")
    told = [line.strip().split(": ", 2) for line in caught.value.message.splitlines()[1:]]
    assert [(place, what) for place, what, _ in told] == [
        ("t.yaml:1", "generation"),
        ("t.yaml:6", "groups.g.primaries.b.bootstrap.0"),
        ("t.yaml:7", "groups.g.primaries.c.bootstrap.0"),
        ("t.yaml:9", "groups.g.streams.s.copies"),
        ("t.yaml:10", "groups.g.streams.t.retention"),
        ("t.yaml:11", "groups.g.streams.u"),
        ("t.yaml:13", "groups.g.streams.v"),
    ]


@pytest.mark.parametrize("groups", ["7", "{g: 7}", "{g: {primaries: [], streams: 7}}"])
def test_what_is_no_mapping_hides_no_trace(groups: str) -> None:
    with pytest.raises(TopologyError, match="groups"):
        parse_topology(f"generation: 1\ngroups: {groups}\n")


def test_defaults() -> None:
    group = parse_topology(GOOD).group_of("training-logs")
    assert group.primaries["a"].state == "active"
    assert group.primaries["a"].auth.type == "none"
    assert group.primaries["b"].auth.type == "scram"
    assert group.streams["training-logs"].topic == "training-logs"
    assert list(group.writable) == ["a"]
    assert list(group.readable) == ["a", "b"]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("draining", "drainning", 8, "did you mean 'draining'?"),
        ("type: scram", "type: scam", 9, "did you mean 'scram'?"),
        ("partitions: 8", "partition: 8", 11, "did you mean 'partitions'?"),
        ("username: alice, ", "", 9, "auth.username: is missing"),
        ("env:KAFKA_PASSWORD", "hunter2", 9, "write env:NAME or file:/absolute/path"),
        ("127.0.0.1:9094", "127.0.0.1", 7, "must be host:port"),
        ("127.0.0.1:9094", "127.0.0.1:9092", 7, "primaries 'a' and 'b' share the address"),
        ("copies: 2", "copies: 3", 11, "only 2 primaries of the group are not removed"),
        ("partitions: 8", "partitions: 0", 11, "greater than or equal to 1"),
        ("generation: 7", "generation: 0", 1, "greater than or equal to 1"),
        ("state: draining", "state: draining\n        state: removed", 9, "is there twice, first in line 8"),
        ("streams:", "\tstreams:", 10, "not YAML"),
    ],
)
def test_error_names_line_and_what_would_be_valid(old: str, new: str, line: int, words: str) -> None:
    with pytest.raises(TopologyError) as caught:
        parse_topology(GOOD.replace(old, new, 1), "topology.yaml")
    text = str(caught.value)
    assert f"topology.yaml:{line}:" in text
    assert words in text


@pytest.mark.parametrize(
    "value",
    [
        '!!int "SECRET"',
        "9" * 5000,
        "!!timestamp 4",
        "!!timestamp 2024-99-99",
        "!!bool SECRET",
        "!!float x",
        '!!int ""',
    ],
)
def test_a_value_that_does_not_fit_its_tag_is_an_error_of_the_document(value: str) -> None:
    with pytest.raises(TopologyError, match="what stands here cannot be read as") as caught:
        parse_topology(f"# first\ngeneration: {value}\n", "t.yaml")
    assert caught.value.where == "t.yaml:2"
    assert "SECRET" not in str(caught.value)


def test_a_bad_address_is_one_problem() -> None:
    text = GOOD.replace('["127.0.0.1:9094"]', "[nonsense]")
    with pytest.raises(TopologyError) as caught:
        parse_topology(text, "t.yaml")
    assert str(caught.value).splitlines()[0].endswith("bootstrap.0: must be host:port")
    with pytest.raises(TopologyError, match="bootstrap: is empty\n  next: write at least one"):
        parse_topology(text.replace("[nonsense]", "[]"), "t.yaml")


def test_all_problems_are_told_at_once_but_at_most_a_screen() -> None:
    two = GOOD.replace("draining", "drainning").replace("partitions: 8", "partitions: 0")
    with pytest.raises(TopologyError) as caught:
        parse_topology(two, "t.yaml")
    assert "2 problems" in str(caught.value)
    assert "t.yaml:8: " in str(caught.value)
    assert "t.yaml:11: " in str(caught.value)
    many = GOOD + "".join(f"      s{index}: {{}}\n" for index in range(50))
    with pytest.raises(TopologyError) as caught:
        parse_topology(many)
    assert "and 42 more" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 12


def test_unknown_stream_is_answered_with_the_known_ones() -> None:
    with pytest.raises(TopologyError, match="did you mean 'training-logs'"):
        parse_topology(GOOD).group_of("training-log")


def test_values_are_frozen_and_copies_are_checked() -> None:
    topology = parse_topology(GOOD)
    with pytest.raises(ValueError, match="frozen"):
        topology.generation = 8  # type: ignore[misc]


def _refused(text: str) -> TopologyError:
    with pytest.raises(TopologyError) as caught:
        parse_topology(text, "t.yaml")
    return caught.value


def test_a_name_is_called_a_name_and_a_url_a_url() -> None:
    error = _refused(GOOD.replace("training-logs", "training logs"))
    assert error.message == "groups.training.streams.training logs: is not a valid name"
    oauth = "{type: oauthbearer, token_endpoint: login, client_id: i, client_secret: 'env:X'}"
    url = GOOD.replace('{type: scram, username: alice, password: "env:KAFKA_PASSWORD"}', oauth)
    assert _refused(url).message.endswith("b.auth.token_endpoint: is not a valid URL")
    secret = _refused(url.replace("login", "'https://me:hunter2@host/token?p=1'"))
    assert (
        secret.message == "groups.training.primaries.b.auth.token_endpoint: must be a URL without user info"
    )
    assert secret.hint == "secrets are references: client_id and client_secret hold what proves who asks"
    assert "hunter2" not in str(secret)
