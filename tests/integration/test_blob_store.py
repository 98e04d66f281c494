"""The topology document in Blob Storage, of a real Azurite over TLS, by workload identity.

The contract is that of all stores: its tests are those of files and HTTP.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from anabranch.devkit.local_cloud import LocalCloud
from anabranch.devkit.process import await_condition
from anabranch.errors import AnabranchError, ConfigurationError, TopologyError, UnavailableError
from anabranch.topology import load_last_good, load_topology, open_store, publish
from anabranch.topology.blob_service import flink_blob_options
from anabranch.topology.blob_store import BlobStore
from anabranch.topology.store import TopologyStore, is_read_here
from tests.unit.test_topology_store import (
    document,
    test_another_layout_of_the_same_document_may_be_published,
    test_dry_run_writes_nothing,
    test_invalid_publication_is_replaced_only_on_demand,
    test_of_many_publishers_at_once_one_wins,
    test_publishes_first_and_next_and_nothing_twice,
    test_who_comes_second_is_told_and_nothing_is_lost,
)

__all__ = [
    "test_another_layout_of_the_same_document_may_be_published",
    "test_dry_run_writes_nothing",
    "test_invalid_publication_is_replaced_only_on_demand",
    "test_of_many_publishers_at_once_one_wins",
    "test_publishes_first_and_next_and_nothing_twice",
    "test_who_comes_second_is_told_and_nothing_is_lost",
]

# The first start on a machine installs Azurite.
pytestmark = pytest.mark.timeout(600)

_REQUEST = re.compile(r"RequestMethod=(\S+) RequestURL=(\S+) RequestHeaders:(\{.*?\}) ClientIP=")


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud.up(tmp_path_factory.mktemp("cloud")) as cloud:
        yield cloud


@pytest.fixture
def uri(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """Of a document that is not there yet, in an environment that reaches it."""
    for name, value in cloud.client_environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return f"{cloud.location}/a folder/{uuid.uuid4().hex}%20é+.yaml"


@pytest.fixture
def store(uri: str) -> TopologyStore:
    return open_store(uri)


def test_each_request_carries_a_token_and_none_is_told(
    cloud: LocalCloud, store: TopologyStore, uri: str, capfd: pytest.CaptureFixture[str]
) -> None:
    publish(store, document(1))
    assert load_topology(uri).generation == 1
    found = store.read()
    assert store.read(found) is found, "it was asked for with the tag"
    name = uri.rpartition("/")[2].partition("%")[0]

    def all_asked() -> list[tuple[str, dict[str, str]]]:
        return [(method, json.loads(headers)) for method, url, headers in _requests(cloud) if name in url]

    # Azurite answers before it has written that down.
    await_condition(lambda: len(all_asked()) >= 5, 10, "the last request in its log")
    asked = all_asked()
    assert [method for method, _ in asked] == ["GET", "PUT", "GET", "GET", "GET"]
    assert all(headers["authorization"].startswith("Bearer ey") for _, headers in asked)
    assert asked[1][1]["if-none-match"] == "*"
    assert found is not None
    assert asked[4][1]["if-none-match"] == found.tag
    assert not re.search(r"eyJ[\w-]{10,}", repr(store) + str(vars(store)) + "".join(capfd.readouterr()))


def test_what_is_wrong_is_told_in_one_sentence(
    cloud: LocalCloud, uri: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def told(location: str = uri, kind: type[AnabranchError] = ConfigurationError, **changes: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in changes.items():
                patch.setenv(name, value)
            with pytest.raises(kind) as caught:
                publish(open_store(location), document(1))
        return str(caught.value)

    assert "account anabranch has no such container" in told(uri.replace("state@", "nowhere@"), TopologyError)
    with pytest.raises(TopologyError, match="has no such container"):
        load_topology(uri.replace("state@", "nowhere@"))
    assert "names no blob" in told(f"{cloud.location}/")
    assert "names no blob" in told("abfss://anabranch.dfs.core.windows.net/t.yaml")
    assert "AADSTS700016" in told(AZURE_CLIENT_ID="somebody")
    assert "AZURE_CLIENT_ID is not set" in told(AZURE_CLIENT_ID="")
    assert "must be an https URL" in told(ANABRANCH_BLOB_ENDPOINT_ANABRANCH="http://127.0.0.1:1/anabranch")
    (tmp_path / "none.pem").write_text("")
    none = told(ANABRANCH_BLOB_CA_FILE=str(tmp_path / "none.pem"))
    assert "ANABRANCH_BLOB_CA_FILE names" in none
    nobody = told(uri, UnavailableError, ANABRANCH_BLOB_ENDPOINT_ANABRANCH="https://127.0.0.1:1/anabranch")
    assert "GET failed" in nobody
    assert "gives no access token" in told(uri, UnavailableError, AZURE_AUTHORITY_HOST="https://127.0.0.1:1/")


def test_without_an_identity_it_is_flinks_to_read(uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(open_store(uri), document(1))
    assert is_read_here(uri)
    monkeypatch.delenv("AZURE_FEDERATED_TOKEN_FILE")
    assert not is_read_here(uri)
    with pytest.raises(AnabranchError, match="AZURE_FEDERATED_TOKEN_FILE is not set"):
        load_last_good(uri)


def test_flink_is_told_what_python_goes_by(cloud: LocalCloud) -> None:
    assert flink_blob_options(cloud.client_environment) == cloud.flink_options
    assert flink_blob_options({}) == {}


def test_the_service_is_at_the_account_unless_the_environment_says_so() -> None:
    given = "wasbs://c@account.blob.core.chinacloudapi.cn/a/b#c?.yaml"
    store = BlobStore(given, {})
    assert (store.where, store.key) == (given, given)
    assert store._url == "https://account.blob.core.chinacloudapi.cn/c/a/b%23c%3F.yaml"
    dfs = BlobStore("abfss://c@account.dfs.core.windows.net/t", {})
    assert dfs._url == "https://account.blob.core.windows.net/c/t"


def _requests(cloud: LocalCloud) -> list[tuple[str, str, str]]:
    return _REQUEST.findall(cloud.request_log.read_text())
