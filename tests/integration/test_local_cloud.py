"""The local Blob Storage and token service: real processes, which end with their parent."""

from __future__ import annotations

import http.client
import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.parse
from pathlib import Path

import pytest

from anabranch.devkit import process
from anabranch.devkit.local_cloud import LocalCloud
from anabranch.devkit.token_service import TENANT_ID

# The first start on a machine installs Azurite.
pytestmark = pytest.mark.timeout(600)


def request(cloud: LocalCloud, port: int, method: str, path: str, **options: object) -> tuple[int, bytes]:
    context = ssl.create_default_context(cafile=cloud.flink_options["fs.azure.blob.ca-file"])
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
    try:
        connection.request(method, path, **options)  # type: ignore[arg-type]
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def port_of(url: str) -> int:
    return urllib.parse.urlsplit(url).port or 0


def fetch_token(cloud: LocalCloud) -> str:
    variables = cloud.environment
    form = {
        "client_id": variables["AZURE_CLIENT_ID"],
        "scope": "https://storage.azure.com/.default",
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": Path(variables["AZURE_FEDERATED_TOKEN_FILE"]).read_text(),
    }
    port = port_of(variables["AZURE_AUTHORITY_HOST"])
    path = f"/{TENANT_ID}/oauth2/v2.0/token"
    status, body = request(cloud, port, "POST", path, body=urllib.parse.urlencode(form))
    assert status == 200
    return str(json.loads(body)["access_token"])


def test_stores_for_who_has_a_token_and_nobody_else(tmp_path: Path) -> None:
    with LocalCloud.up(tmp_path / "cloud") as cloud:
        endpoint = cloud.flink_options["fs.azure.blob.endpoint.anabranch"]
        port, path = port_of(endpoint), "/anabranch/state/blob"
        headers = {"x-ms-version": "2023-11-03", "x-ms-blob-type": "BlockBlob"}
        refused, _ = request(cloud, port, "PUT", path, body=b"x", headers=headers)
        assert refused in (401, 403)
        headers["Authorization"] = f"Bearer {fetch_token(cloud)}"
        assert request(cloud, port, "PUT", path, body=b"bytes", headers=headers)[0] == 201
        assert request(cloud, port, "GET", path, headers=headers) == (200, b"bytes")
        running = [service.ref for service in (cloud.blob, cloud.tokens)]
        assert all(ref is not None and process.alive(ref) for ref in running)
    assert not any(ref is not None and process.alive(ref) for ref in running)


@pytest.mark.parametrize("number", [None, signal.SIGKILL])
def test_ends_with_its_parent(tmp_path: Path, number: signal.Signals | None) -> None:
    folder = tmp_path / "cloud"
    argv = [sys.executable, "-m", "anabranch.devkit.local_cloud", str(folder)]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        assert json.loads(child.stdout.readline())["location"].startswith("abfss://state@anabranch.")
        mark = json.loads((folder / "loop.json").read_text())["mark"]
        assert len(process.marked(mark)) == 2
        if number is None:
            child.stdin.close()  # as when the JVM that started it ends
        else:
            os.kill(child.pid, number)
        child.wait(timeout=30)
        deadline = time.monotonic() + 30
        while process.marked(mark):
            assert time.monotonic() < deadline, "its processes outlive it"
            time.sleep(0.1)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
        child.stdin.close()
