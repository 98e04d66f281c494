"""Reading blobs as archives are read, from a real service: in ranges, one version, by the identity alone."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest
from azure.storage.blob import ContainerClient

from anabranch.connectors import RecordId
from anabranch.connectors.archive import ArchiveFileError, read_archive
from anabranch.connectors.archive.places import open_place
from anabranch.connectors.archive.records import archive_schema
from anabranch.devkit.local_cloud import LocalCloud
from anabranch.errors import ConfigurationError, UnavailableError
from anabranch.topology import WorkloadIdentity

# The first start on a machine installs Azurite.
pytestmark = pytest.mark.timeout(600)

MB = 1 << 20


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud.up(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture(autouse=True)
def as_client(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in cloud.client_environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def container(cloud: LocalCloud) -> Iterator[ContainerClient]:
    ca = cloud.client_environment["ANABRANCH_BLOB_CA_FILE"]
    credential = WorkloadIdentity.of().credential(ca=ca)
    url = cloud.client_environment["ANABRANCH_BLOB_ENDPOINT_ANABRANCH"]
    with ContainerClient(url, "state", credential=credential, connection_verify=ca) as container:
        yield container


def avro(offsets: range, value_bytes: int = 10) -> bytes:
    out = io.BytesIO()
    records: Iterator[dict[str, Any]] = (
        {
            "stream": "logs", "primary": "a", "cluster_id": "c", "topic": "t", "topic_id": "i",
            "partition": 0, "offset": offset, "leader_epoch": None, "timestamp_ms": 0,
            "record_id": bytes(RecordId.supplied("run", offset)), "foreign": True,
            "key": None, "value": os.urandom(value_bytes), "headers": [],
        }
        for offset in offsets
    )  # fmt: skip
    fastavro.writer(out, archive_schema(), records, codec="deflate")
    return out.getvalue()


def test_a_large_file_is_read_in_ranges_as_far_as_it_is_wanted(
    cloud: LocalCloud, container: ContainerClient
) -> None:
    content = avro(range(120), value_bytes=50_000)
    assert 5 * MB < len(content) < 7 * MB
    container.upload_blob("large/stream=logs/date=1970-01-01/hour=00/a.avro", content)
    records = read_archive(f"{cloud.location}/large")
    before = cloud.request_log.read_text().count("RequestMethod=GET")
    assert next(records).offset == 0
    asked = cloud.request_log.read_text()
    assert asked.count("RequestMethod=GET") - before == 3, "two for the names, one for the beginning"
    assert [record.offset for record in records] == list(range(1, 120))
    assert cloud.request_log.read_text().count("RequestMethod=GET") - before == 2 + -(
        -len(content) // (4 * MB)
    )


def test_an_empty_file_and_one_that_is_replaced_midway_are_told(
    cloud: LocalCloud, container: ContainerClient
) -> None:
    name = "changed/stream=logs/date=1970-01-01/hour=00/a.avro"
    container.upload_blob(name, avro(range(120), value_bytes=50_000))
    container.upload_blob(name.replace("a.avro", "b.avro"), b"")
    told: list[ArchiveFileError] = []
    records = read_archive(f"{cloud.location}/changed", on_bad_file=told.append)
    next(records)
    container.upload_blob(name, avro(range(500, 620), value_bytes=50_000), overwrite=True)
    rest = [record.offset for record in records]
    assert rest == list(range(1, len(rest) + 1)), "nothing of the other one"
    assert len(rest) < 119
    replaced, empty = told
    assert replaced.message == "cannot be read: another one has taken its place"
    assert replaced.where == f"{cloud.location}/{name}"
    assert empty.message == "this is no Avro file"


def test_a_file_that_is_gone_is_told(cloud: LocalCloud) -> None:
    with pytest.raises(ArchiveFileError, match="cannot be read: it is gone"):
        list(read_archive(f"{cloud.location}/gone/a.avro"))


def test_names_come_in_order_and_folders_without_them(cloud: LocalCloud, container: ContainerClient) -> None:
    for name in ("n/b/2", "n/a/10", "n/a/1", "nn/x", "n/c"):
        container.upload_blob(name, b"x")
    place = open_place(f"{cloud.location}/n/")
    assert list(place.names()) == ["a/1", "a/10", "b/2", "c"]
    assert list(place.names("a/")) == ["a/1", "a/10"]
    assert place.folders() == ["a/", "b/"]


def test_a_container_or_records_that_are_not_there_are_told(cloud: LocalCloud) -> None:
    with pytest.raises(ConfigurationError, match="there is no container nothing"):
        list(read_archive(cloud.location.replace("state@", "nothing@")))
    with pytest.raises(ConfigurationError, match="there are no archived records"):
        list(read_archive(f"{cloud.location}/nothing"))


def test_who_may_not_is_told_without_a_token(
    cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    token = tmp_path / "token"
    token.write_text("eyJhbGciOiJub25lIn0.eyJzdWIiOiJtZSJ9.x")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))
    with pytest.raises(ConfigurationError, match="the token service refuses client") as raised:
        list(read_archive(f"{cloud.location}/kept"))
    assert "eyJ" not in str(raised.value)
    monkeypatch.setenv("AZURE_CLIENT_ID", "")
    with pytest.raises(ConfigurationError, match="AZURE_CLIENT_ID is not set"):
        list(read_archive(f"{cloud.location}/kept"))


def test_a_service_that_is_not_trusted_is_told(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANABRANCH_BLOB_CA_FILE")
    with pytest.raises(UnavailableError, match="certificate is not trusted"):
        list(read_archive(f"{cloud.location}/kept"))
