"""Blob Storage and a token service on this machine: what a pod on AKS finds, without a cloud.

::

    with LocalCloud.up(folder) as cloud:
        environment = {**os.environ, **cloud.environment}

Two processes: Azurite over TLS, which takes bearer tokens, and the token service that gives them for a
federated token in a file. As ``python -m anabranch.devkit.local_cloud FOLDER`` it prints what a client needs
as one line of JSON and ends when its standard input does, however its parent ended.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import sys
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from anabranch.devkit import process
from anabranch.devkit.azurite import ACCOUNT, azurite_command, azurite_environment
from anabranch.devkit.certificates import Authority
from anabranch.devkit.guardian import start_guardian
from anabranch.devkit.ports import claim_ports, release_ports
from anabranch.devkit.service import Service
from anabranch.devkit.state import write_json
from anabranch.devkit.token_service import CLIENT_ID, TENANT_ID, access_token
from anabranch.errors import AnabranchError, UnavailableError

__all__ = ["LocalCloud"]

_CONTAINER = "state"
_START_LIMIT_S = 60.0
_TOKEN_LIFETIME_S = 60  # of the one that makes the container
_API_VERSION = "2023-11-03"  # one that Azurite knows for certain


class LocalCloud:
    """Both services, running; ends with the ``with`` block, or with this process whatever ends it.

    Made by :meth:`up`, never directly.
    """

    def __init__(self, folder: Path, mark: str, ports: tuple[int, int]) -> None:
        self.folder = folder
        self._mark = mark
        self._blob_port, self._token_port = ports
        self.blob = Service("azurite", folder, mark)
        self.tokens = Service("token-service", folder, mark)

    @classmethod
    def up(cls, folder: Path) -> LocalCloud:
        """Starts both in ``folder``, with a certificate authority of their own, and makes the container.

        Raises:
            EnvironmentMissingError: Node, npm or the package ``cryptography`` is missing.
            UnavailableError: One of them does not start.
        """
        folder.mkdir(parents=True, exist_ok=True)
        blob_port, token_port = claim_ports(2, folder)
        mark = f"cloud-{uuid.uuid4().hex}"
        cloud = cls(folder, mark, (blob_port, token_port))
        write_json(folder / "loop.json", {"phase": "attached", "mark": mark})
        start_guardian(folder, mark)
        try:
            cloud._start()
        except BaseException:
            cloud.down()
            raise
        return cloud

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the workload identity webhook of AKS gives a pod."""
        return {
            "AZURE_CLIENT_ID": CLIENT_ID,
            "AZURE_TENANT_ID": TENANT_ID,
            "AZURE_FEDERATED_TOKEN_FILE": str(self._token_file),
            "AZURE_AUTHORITY_HOST": f"https://127.0.0.1:{self._token_port}/",
        }

    @property
    def flink_options(self) -> dict[str, str]:
        """Options of the file-system plugin that are not needed in a cloud."""
        return {
            f"fs.azure.blob.endpoint.{ACCOUNT}": f"https://127.0.0.1:{self._blob_port}/{ACCOUNT}",
            "fs.azure.blob.ca-file": str(self._ca),
        }

    @property
    def location(self) -> str:
        """The container, as Flink's file systems name it."""
        return f"abfss://{_CONTAINER}@{ACCOUNT}.dfs.core.windows.net"

    @property
    def request_log(self) -> Path:
        """What Azurite says of each request, and of how it was authenticated."""
        return self.folder / "azurite-requests.log"

    def down(self) -> None:
        """Ends both; what they wrote stays."""
        with contextlib.suppress(FileNotFoundError):
            write_json(self.folder / "loop.json", {"phase": "down", "mark": self._mark})
        for service in (self.blob, self.tokens):
            service.kill()
        process.sweep(self._mark)
        release_ports(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()

    @property
    def _ca(self) -> Path:
        return self.folder / "tls" / "ca.pem"

    @property
    def _token_file(self) -> Path:
        return self.folder / "identity" / "token"

    def _start(self) -> None:
        certificate, key = Authority.create(self.folder / "tls").issue("cloud")
        argv = azurite_command(self._blob_port, certificate, key, self.request_log)
        self.blob.spawn(argv, azurite_environment())
        serve = [sys.executable, "-m", "anabranch.devkit.token_service", str(self._token_port)]
        self.tokens.spawn([*serve, certificate, key, self._token_file])
        self._await_listening(self.tokens, self._token_port)
        self._await_listening(self.blob, self._blob_port)
        self._make_container()

    def _await_listening(self, service: Service, port: int) -> None:
        ref = service.ref
        assert ref is not None  # noqa: S101 - it has just been started

        def settled() -> bool:
            return process.listens(ref, port) or not process.alive(ref)

        process.await_condition(settled, _START_LIMIT_S, f"{service.name} to listen")
        if not process.alive(ref):
            raise UnavailableError(
                f"{service.name} ended at its start: {' '.join(service.tail(3))}", where=str(service.log_path)
            )

    def _make_container(self) -> None:
        context = ssl.create_default_context(cafile=str(self._ca))
        connection = http.client.HTTPSConnection("127.0.0.1", self._blob_port, context=context, timeout=30)
        headers = {
            "Authorization": f"Bearer {access_token(_TOKEN_LIFETIME_S)}",
            "x-ms-version": _API_VERSION,
            "Content-Length": "0",
        }
        with contextlib.closing(connection):
            connection.request("PUT", f"/{ACCOUNT}/{_CONTAINER}?restype=container", headers=headers)
            status = connection.getresponse().status
        if status != http.client.CREATED:
            raise UnavailableError(f"Azurite did not make the container {_CONTAINER}: status {status}")


def _main(folder: Path) -> None:
    with LocalCloud.up(folder) as cloud:
        told = {
            "environment": cloud.environment,
            "flink": cloud.flink_options,
            "location": cloud.location,
            "requests": str(cloud.request_log),
            "tls": str(folder / "tls"),
        }
        print(json.dumps(told), flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    try:
        _main(Path(sys.argv[1]).absolute())
    except AnabranchError as error:
        sys.exit(str(error))
