"""Blob Storage and a token service as two services of a loop: what a pod on AKS finds, without a cloud.

Azurite keeps its blobs on disk, but writes down which there are only every five seconds and when it is told
to end. So a restart ends it in good order; a kill may cost the blobs of the last seconds.
"""

from __future__ import annotations

import contextlib
import http.client
import shlex
import ssl
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from anabranch.devkit import process
from anabranch.devkit.azurite import ACCOUNT, azurite_command, azurite_environment
from anabranch.devkit.certificates import Authority
from anabranch.devkit.diagnosis import diagnose
from anabranch.devkit.service import Service
from anabranch.devkit.state import read_json, write_atomically, write_json
from anabranch.devkit.token_service import CLIENT_ID, TENANT_ID, access_token
from anabranch.errors import ConfigurationError, UnavailableError

__all__ = ["CloudServices", "CloudSpec"]

_CONTAINER = "state"
_START_LIMIT_S = 60.0
# Azurite writes down what it has, and waits for requests that are under way.
_END_LIMIT_S = 15.0
_TOKEN_LIFETIME_S = 60  # of the one that makes the container
_API_VERSION = "2023-11-03"  # one that Azurite knows for certain
_MADE = (http.client.CREATED, http.client.CONFLICT)  # or there already


@dataclass(frozen=True)
class CloudSpec:
    """A local cloud.

    Attributes:
        rotate_every_s: Time between two federated tokens; 0: only when asked. Kubernetes takes an hour.
        in_memory: Blobs are gone when Azurite ends.
        log_requests: Have Azurite log each request with its headers, so also the tokens in them.
    """

    rotate_every_s: float = 60
    in_memory: bool = False
    log_requests: bool = False


class CloudServices:
    """Azurite over TLS, and the token service; found again from any process by their folder.

    Args:
        folder: Holds ``cloud.json``, certificates, the federated token, blobs and logs.
        mark: Identity of the loop.
    """

    def __init__(self, folder: Path, mark: str) -> None:
        self.folder = folder
        self._mark = mark
        self.blob = Service("azurite", folder, mark)
        self.tokens = Service("token-service", folder, mark)

    @property
    def services(self) -> list[Service]:
        """Both processes."""
        return [self.tokens, self.blob]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that the workload identity webhook of AKS gives a pod."""
        return {
            "AZURE_CLIENT_ID": CLIENT_ID,
            "AZURE_TENANT_ID": TENANT_ID,
            "AZURE_FEDERATED_TOKEN_FILE": str(self._token_file),
            "AZURE_AUTHORITY_HOST": self.url(self.tokens),
        }

    @property
    def client_environment(self) -> dict[str, str]:
        """What the command line and Python need besides, which in a cloud nobody does."""
        return {
            **self.environment,
            f"ANABRANCH_BLOB_ENDPOINT_{ACCOUNT.upper()}": self.url(self.blob),
            "ANABRANCH_BLOB_CA_FILE": str(self._ca),
        }

    @property
    def flink_options(self) -> dict[str, str]:
        """Options of the file-system plugin that are not needed in a cloud."""
        return {
            f"fs.azure.blob.endpoint.{ACCOUNT}": self.url(self.blob),
            "fs.azure.blob.ca-file": str(self._ca),
        }

    @property
    def environment_file(self) -> Path:
        """The same as a file for a shell, which holds no secret; there once :meth:`prepare` was called."""
        return self.folder / "environment.sh"

    @property
    def location(self) -> str:
        """The container, as Flink's file systems name it."""
        return f"abfss://{_CONTAINER}@{ACCOUNT}.dfs.core.windows.net"

    @property
    def request_log(self) -> Path:
        """What Azurite says of each request, and of how it was authenticated, where that is logged."""
        return self.folder / "azurite-requests.log"

    def url(self, service: Service) -> str:
        """Where that one of both listens."""
        return f"https://127.0.0.1:{self._port(service)}/{ACCOUNT if service.name == self.blob.name else ''}"

    def prepare(self, spec: CloudSpec, blob_port: int, token_port: int) -> None:
        """Settles all that clients need to know, so that they may be started beside it; makes certificates.

        Raises:
            EnvironmentMissingError: The package ``cryptography`` is missing.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        Authority.create(self._tls).issue("cloud")
        ports = {self.blob.name: blob_port, self.tokens.name: token_port}
        write_json(self.folder / "cloud.json", {"spec": asdict(spec), "ports": ports})
        lines = [f"export {name}={shlex.quote(value)}\n" for name, value in self.client_environment.items()]
        write_atomically(self.environment_file, "".join(lines))

    def start(self) -> None:
        """Starts both and makes the container; comes after :meth:`prepare`.

        Raises:
            EnvironmentMissingError: Node or npm is missing, a port is taken, or one dies at its start.
            UnavailableError: One of them does not listen in time.
        """
        for service in self.services:
            self._spawn(service)
        for service in self.services:
            self._await_listening(service)
        self._make_container()

    def restart(self, name: str) -> None:
        """Ends the one of that name in good order and starts it anew; what is stored on disk stays."""
        service = next(each for each in self.services if each.name == name)
        service.terminate(grace_s=_END_LIMIT_S)
        self._spawn(service)
        self._await_listening(service)
        if name == self.blob.name:
            self._make_container()

    @property
    def _tls(self) -> Path:
        return self.folder / "tls"

    @property
    def _ca(self) -> Path:
        return self._tls / "ca.pem"

    @property
    def _token_file(self) -> Path:
        return self.folder / "identity" / "token"

    def _spawn(self, service: Service) -> None:
        argv, environment = self._command(service)
        with service.locked():
            service.spawn(argv, environment)

    def _command(self, service: Service) -> tuple[list[str | Path], Mapping[str, str]]:
        spec, port = CloudSpec(**self._state()["spec"]), self._port(service)
        certificate, key = self._tls / "cloud.pem", self._tls / "cloud.key.pem"
        if service.name == self.blob.name:
            data = None if spec.in_memory else self.folder / "blobs"
            log = self.request_log if spec.log_requests else None
            return [*azurite_command(port, certificate, key, log, data)], azurite_environment()
        serve = [sys.executable, "-m", "anabranch.devkit.token_service", str(port)]
        return [*serve, certificate, key, self._token_file, str(spec.rotate_every_s)], {}

    def _await_listening(self, service: Service) -> None:
        ref, port = service.ref, self._port(service)
        assert ref is not None  # noqa: S101 - it has just been started

        def settled() -> bool:
            return process.listens(ref, port) or not process.alive(ref)

        process.await_condition(settled, _START_LIMIT_S, f"{service.name} to listen")
        if not process.alive(ref):
            error = diagnose(
                service.name,
                "\n".join(service.tail()),
                log=service.log_path,
                data=self.folder,
                ports=[port],
                code=process.exit_code(ref),
            )
            service.note_death(error.message)
            raise error

    def _make_container(self) -> None:
        context = ssl.create_default_context(cafile=str(self._ca))
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port(self.blob), context=context, timeout=30
        )
        headers = {
            "Authorization": f"Bearer {access_token(_TOKEN_LIFETIME_S)}",
            "x-ms-version": _API_VERSION,
            "Content-Length": "0",
        }
        with contextlib.closing(connection):
            connection.request("PUT", f"/{ACCOUNT}/{_CONTAINER}?restype=container", headers=headers)
            status = connection.getresponse().status
        if status not in _MADE:
            raise UnavailableError(f"Azurite did not make the container {_CONTAINER}: status {status}")

    def _port(self, service: Service) -> int:
        return int(self._state()["ports"][service.name])

    def _state(self) -> dict[str, Any]:
        state: dict[str, Any] | None = read_json(self.folder / "cloud.json")
        if state is None:
            raise ConfigurationError("this loop has no local cloud", hint="anabranch dev up --blob")
        return state
