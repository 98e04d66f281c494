"""Reading archives: which files, in which order, which records of them, and what is said of bad ones."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fastavro
import pytest
from click.testing import CliRunner, Result

from anabranch.cli import archive
from anabranch.connectors import RecordId, record_headers
from anabranch.connectors.archive import ArchiveFileError, read_archive
from anabranch.connectors.archive.blob import BlobPlace
from anabranch.connectors.archive.buckets import is_file, may_hold
from anabranch.connectors.archive.records import archive_schema
from anabranch.errors import AnabranchError, ConfigurationError, EnvironmentMissingError

HOUR_MS = 3_600_000
START_MS = 1_796_000_400_000  # 2026-11-30 01:00 UTC
HOUR_1 = "stream=logs/date=2026-11-30/hour=01"
HOUR_2 = "stream=logs/date=2026-11-30/hour=02"


def fields(offset: int, **changes: Any) -> dict[str, Any]:
    record_id = bytes(RecordId.supplied("run", offset))
    return {
        "stream": "logs", "primary": "a", "cluster_id": "c", "topic": "logs-topic", "topic_id": "t",
        "partition": 3, "offset": offset, "leader_epoch": 7, "timestamp_ms": START_MS + offset,
        "record_id": record_id, "foreign": False, "key": b"k", "value": b"v%d" % offset,
        "headers": [{"name": record_headers.ID, "value": record_id}],
    } | changes  # fmt: skip


def avro(records: Iterable[dict[str, Any]], schema: Any = None, *, block_bytes: int = 16_000) -> bytes:
    out = io.BytesIO()
    fastavro.writer(
        out,
        schema or archive_schema(),
        records,
        codec="deflate",
        sync_interval=block_bytes,
        sync_marker=b"~" * 16,
    )
    return out.getvalue()


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Two hours of one stream in three files, one record of another, and what a kill leaves on disks."""
    put(tmp_path, f"{HOUR_2}/records-a-0.avro", avro([fields(5, timestamp_ms=START_MS + HOUR_MS)]))
    put(tmp_path, f"{HOUR_1}/records-b-0.avro", avro([fields(3), fields(4)]))
    put(tmp_path, f"{HOUR_1}/records-a-0.avro", avro([fields(1), fields(2)]))
    put(tmp_path, "stream=other/date=none/hour=none/records-a-0.avro", avro([fields(9, stream="other")]))
    put(tmp_path, f"{HOUR_1}/.records-c-0.avro.inprogress.4f", b"half a file")
    put(tmp_path, f"{HOUR_1}/_SUCCESS", b"")
    return tmp_path


def offsets(place: Path, **span: Any) -> list[int]:
    return [record.offset for record in read_archive(str(place), **span)]


def cat(*arguments: object) -> Result:
    return CliRunner().invoke(archive.command, ["cat", *map(str, arguments)])


def test_finished_files_are_read_hour_by_hour_and_by_their_names(kept: Path) -> None:
    assert offsets(kept) == [1, 2, 3, 4, 5, 9]
    assert offsets(kept / HOUR_1) == [1, 2, 3, 4], "a folder of it"
    assert offsets(kept / HOUR_1 / "records-b-0.avro") == [3, 4], "a file of it"
    assert [record.offset for record in read_archive(f"file://{kept}")] == [1, 2, 3, 4, 5, 9]


def test_a_record_has_all_that_was_archived(kept: Path) -> None:
    record = next(read_archive(str(kept)))
    assert (record.stream, record.primary, record.topic, record.partition) == ("logs", "a", "logs-topic", 3)
    assert (record.cluster_id, record.topic_id, record.leader_epoch) == ("c", "t", 7)
    assert (record.timestamp_ms, record.key, record.value) == (START_MS + 1, b"k", b"v1")
    assert record.id == record.record_id == RecordId.supplied("run", 1)
    assert record.headers == ((record_headers.ID, bytes(record.record_id)),)


def test_spans_take_the_first_moment_and_leave_the_last_out(kept: Path) -> None:
    assert offsets(kept, stream="logs") == [1, 2, 3, 4, 5]
    assert offsets(kept, since_ms=START_MS + 3) == [3, 4, 5, 9]
    assert offsets(kept, stream="logs", until_ms=START_MS + 3) == [1, 2]
    assert offsets(kept, stream="logs", since_ms=START_MS + HOUR_MS, until_ms=START_MS + HOUR_MS + 1) == [5]


def test_files_of_other_hours_are_not_opened(kept: Path) -> None:
    put(kept, f"{HOUR_1}/records-d-0.avro", b"damaged")
    assert offsets(kept, stream="logs", since_ms=START_MS + HOUR_MS) == [5]


@pytest.mark.parametrize(
    ("since", "until", "held"),
    [(None, None, True), (0, None, True), (3_599_999, None, True), (3_600_000, None, False),
     (None, 0, False), (None, 1, True), (5, 5, True)],
)  # fmt: skip
def test_an_hour_is_looked_at_if_it_may_hold_some(since: int | None, until: int | None, held: bool) -> None:
    assert may_hold("stream=s/date=1970-01-01/hour=00/x.avro", since, until) is held


def test_files_without_an_hour_may_hold_any_time() -> None:
    assert may_hold("stream=s/date=none/hour=none/x.avro", 5, 6)
    assert may_hold("x.avro", 5, 6)


def test_what_is_hidden_or_unfinished_is_no_file_of_it() -> None:
    assert is_file(f"{HOUR_1}/records-a-0.avro")
    for name in (
        f"{HOUR_1}/.records-a-0.avro.inprogress.5",
        "_tmp/x.avro",
        ".x.avro",
        "x.avro.tmp",
        "README",
    ):
        assert not is_file(name)


def test_lines_are_those_of_tail(kept: Path) -> None:
    put(kept, f"{HOUR_2}/records-b-0.avro", avro([fields(6, key=None, value=None)]))
    shown = cat(kept, "--stream", "logs", "--from", "2026-11-30T01:00:00.004")
    assert shown.exit_code == 0, shown.output
    assert shown.stdout == "a-3@4\tk\tv4\na-3@5\tk\tv5\na-3@6\t(deleted)\n"


def test_as_json_with_what_only_archives_know(kept: Path) -> None:
    (line,) = cat(kept, "--json", "--limit", 1).stdout.splitlines()
    assert json.loads(line) == {
        "stream": "logs", "primary": "a", "topic": "logs-topic", "partition": 3, "offset": 1,
        "timestamp_ms": START_MS + 1, "id": RecordId.supplied("run", 1).hex(), "version": None,
        "deleted": False, "key": "k", "value": "v1", "record_id": RecordId.supplied("run", 1).hex(),
        "cluster_id": "c", "topic_id": "t", "leader_epoch": 7,
    }  # fmt: skip


def test_raw_values_as_they_are(tmp_path: Path) -> None:
    put(tmp_path, "x.avro", avro([fields(1, value=b"\x00\xff"), fields(2, value=None), fields(3)]))
    assert cat(tmp_path, "--raw").stdout_bytes == b"\x00\xff\nv3\n"


@pytest.mark.parametrize(
    ("options", "counted"),
    [((), 6), (("--stream", "logs"), 5), (("--to", "2026-11-30T02:00"), 5), (("--limit", 2), 2),
     (("--from", "2026-11-30T03:00:00+01:00"), 1), (("--from", "2027-01-01"), 0)],
)  # fmt: skip
def test_counts(kept: Path, options: tuple[object, ...], counted: int) -> None:
    assert cat(kept, "--count", *options).stdout == f"{counted}\n"


def test_the_span_counts_for_records_in_no_hours_folder_too(kept: Path) -> None:
    assert offsets(kept, stream="other", since_ms=START_MS + HOUR_MS) == []


def test_no_records_of_a_span_is_no_error(kept: Path) -> None:
    shown = cat(kept, "--from", "2027-01-01")
    assert (shown.exit_code, shown.stdout, shown.stderr) == (0, "", "no records\n")


@pytest.mark.parametrize(
    "options", [("--json", "--raw"), ("--count", "--raw"), ("--from", "yesterday"), ("--limit", "0")]
)
def test_misuse_is_told(kept: Path, options: tuple[str, ...]) -> None:
    assert cat(kept, *options).exit_code == 2


def test_a_place_that_is_none_is_told(tmp_path: Path, kept: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no such folder"):
        offsets(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigurationError, match="there are no archived records"):
        offsets(tmp_path / "empty")
    with pytest.raises(ConfigurationError, match="archives in s3: cannot be read"):
        list(read_archive("s3://bucket/x"))
    with pytest.raises(ConfigurationError, match=r"did you mean 'logs'.*it has: logs, other"):
        offsets(kept, stream="lgos")


def test_a_file_that_is_no_avro_is_told_and_the_others_are_read(kept: Path) -> None:
    bad = put(kept, f"{HOUR_1}/records-a-1.avro", b"PAR1 and so on")
    shown = cat(kept)
    assert len(shown.stdout.splitlines()) == 6, "all of the others"
    assert f"error: {bad}: this is no Avro file" in shown.stderr
    assert isinstance(shown.exception, AnabranchError)
    assert "1 file could not be read to the end" in str(shown.exception)


def test_a_file_of_another_schema_is_told(kept: Path) -> None:
    schema = {"type": "record", "name": "com.example.Order", "fields": [{"name": "n", "type": "int"}]}
    put(kept, f"{HOUR_1}/records-a-1.avro", avro([{"n": 1}], schema))
    with pytest.raises(ArchiveFileError, match="an Avro file of something else: com"):
        offsets(kept)


def test_a_damaged_block_is_told_with_its_place_and_nothing_of_it_is_shown(tmp_path: Path) -> None:
    content = bytearray(avro([fields(number) for number in range(600)], block_bytes=2_000))
    blocks = [at for at in range(len(content)) if content[at : at + 16] == b"~" * 16]
    assert len(blocks) > 8, "the head's, and one behind each block"
    start = blocks[3] + 16
    content[start + 40 : start + 60] = b"\xff" * 20
    path = put(tmp_path, "a.avro", bytes(content))
    put(tmp_path, "b.avro", avro([fields(1_000)]))

    told: list[ArchiveFileError] = []
    found = [record.offset for record in read_archive(str(tmp_path), on_bad_file=told.append)]

    assert found[-1] == 1_000, "the next file is read"
    assert found[:-1] == list(range(len(found) - 1))
    assert 0 < len(found) < 600
    (error,) = told
    assert error.where == str(path)
    assert f"block 4, at byte {start}, is damaged" in error.message
    with pytest.raises(ArchiveFileError, match="block 4"):
        offsets(tmp_path)


def test_a_file_that_ends_too_early_is_damaged(tmp_path: Path) -> None:
    content = avro([fields(number) for number in range(300)], block_bytes=2_000)
    put(tmp_path, "a.avro", content[:-40])
    with pytest.raises(ArchiveFileError, match="is damaged"):
        offsets(tmp_path)


def test_a_file_that_cannot_be_opened_is_told(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    told: list[ArchiveFileError] = []
    assert list(read_archive(str(kept), on_bad_file=told.append)) == []
    assert {error.message for error in told} == {"cannot be read: Permission denied"}


def test_a_file_is_read_block_by_block(tmp_path: Path) -> None:
    path = put(tmp_path, "a.avro", avro([fields(number, value=bytes(100)) for number in range(50_000)]))
    with path.open("rb") as file:
        from anabranch.connectors.archive.reader import _blocks

        next(_blocks(file, "here"))
        assert file.tell() < path.stat().st_size / 5


def test_files_of_a_later_version_with_more_fields_are_read(tmp_path: Path) -> None:
    schema = json.loads(json.dumps(archive_schema()))
    schema["fields"].append({"name": "colour", "type": "string"})
    put(tmp_path, "a.avro", avro([fields(1, colour="red")], fastavro.parse_schema(schema)))
    assert offsets(tmp_path) == [1]


@pytest.mark.parametrize(
    ("uri", "said"),
    [("abfss://account.dfs.core.windows.net/x", "names no container and account"),
     ("abfss://c:secret@account.dfs.core.windows.net/x", "names no container and account")],
)  # fmt: skip
def test_a_uri_that_names_no_container_is_told(uri: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said) as raised:
        list(read_archive(uri))
    assert "secret" not in str(raised.value)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EnvironmentMissingError, match="azure-storage-blob") as raised:
        list(read_archive("abfss://c@a.dfs.core.windows.net/x"))
    assert "anabranch[azure]" in str(raised.value)


@pytest.mark.parametrize(
    ("host", "env", "url"),
    [("acc.dfs.core.windows.net", {}, "https://acc.blob.core.windows.net/box"),
     ("acc.blob.core.chinacloudapi.cn", {}, "https://acc.blob.core.chinacloudapi.cn/box"),
     ("acc", {}, "https://acc.blob.core.windows.net/box"),
     ("acc.dfs.core.windows.net", {"ANABRANCH_BLOB_ENDPOINT_ACC": "https://127.0.0.1:5/acc"}, "https://127.0.0.1:5/acc/box")],
)  # fmt: skip
def test_the_service_is_that_of_the_account(host: str, env: dict[str, str], url: str, tmp_path: Path) -> None:
    token = put(tmp_path, "token", b"x")
    identity = {"AZURE_CLIENT_ID": "i", "AZURE_TENANT_ID": "t", "AZURE_FEDERATED_TOKEN_FILE": str(token)}
    assert BlobPlace.of(f"abfss://box@{host}/x", {**identity, **env}).url == url


def test_the_hour_of_a_folder_is_utc() -> None:
    assert datetime.fromtimestamp(START_MS / 1000, UTC).isoformat() == "2026-11-30T01:00:00+00:00"
