"""A loop whose brokers take tokens of a token service, on a listener of their own beside the plain one.

The plain listener is the devkit's, and what a check of the logs reads by; what is tested goes by tokens.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from anabranch.devkit import process
from anabranch.devkit.certificates import Authority
from anabranch.devkit.loop import Loop
from anabranch.devkit.ports import claim_ports
from anabranch.devkit.service import Service
from anabranch.devkit.state import write_atomically
from anabranch.devkit.token_service import CLIENT_ID, ISSUER, KAFKA, TENANT_ID
from tests.integration.written import written

__all__ = ["Workload"]

_JWT = re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}")
_LISTENER = "listener.name.tokens."
_MECHANISM = f"{_LISTENER}oauthbearer."
# Session lifetimes go by it and by the token, whichever is shorter.
_REAUTHENTICATE_MS = 3_600_000


class Workload:
    """The brokers, the token service, and the topology document of those who go by tokens.

    Attributes:
        loop: The brokers; each may be hurt.
        folder: Where token, keys and document are.
        environment: What a pod finds.
    """

    def __init__(self, loop: Loop, folder: Path) -> None:
        self.loop = loop
        self.folder = folder
        authority = Authority.create(folder / "tls")
        self._ca = authority.ca
        authority.issue("broker")
        self._port, *ports = claim_ports(1 + len(loop.brokers), loop.folder)
        self.tokens = Service("token-service", folder, loop.mark)
        serve = [sys.executable, "-m", "anabranch.devkit.token_service", str(self._port)]
        ref = self.tokens.spawn([*serve, *authority.issue("tokens"), folder / "token", "0"])
        process.await_condition(lambda: process.listens(ref, self._port), 60, "the token service")
        self.environment = {
            "AZURE_CLIENT_ID": CLIENT_ID,
            "AZURE_TENANT_ID": TENANT_ID,
            "AZURE_FEDERATED_TOKEN_FILE": str(folder / "token"),
            "AZURE_AUTHORITY_HOST": f"https://127.0.0.1:{self._port}/",
        }
        self._addresses = dict(zip(loop.primaries, (f"127.0.0.1:{port}" for port in ports), strict=True))
        for name, address in self._addresses.items():
            loop.broker(name).reconfigure(self._listener(name, address))
        self.document = yaml.safe_load(loop.topology_path.read_text())
        self.publish()

    @staticmethod
    def java_environment(folder: Path) -> dict[str, str]:
        """What the brokers have to be started with: Kafka reads keys only from where it was told to."""
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={_keys(folder)}"
        return {"JDK_JAVA_OPTIONS": allowed}

    def publish(self, **auths: dict[str, Any] | None) -> None:
        """The document; by primary what its auth has in addition, or None for the plain listener."""
        self.document["generation"] += 1
        primaries = self.document["groups"]["training"]["primaries"]
        for name, address in self._addresses.items():
            more = auths.get(name, {})
            if more is None:
                primaries[name] |= {"bootstrap": [self.loop.broker(name).bootstrap], "auth": {"type": "none"}}
            else:
                primaries[name] |= {"bootstrap": [address], "auth": {**self.auth, **more}}
        write_atomically(self.topology_path, yaml.safe_dump(self.document))

    @property
    def topology_path(self) -> Path:
        """Where the document is."""
        return self.folder / "topology.yaml"

    @property
    def auth(self) -> dict[str, Any]:
        """The block of a primary's auth."""
        ca = f"file:{self._ca}"
        return {"type": "workload-identity", "scope": f"{KAFKA}/.default", "ca": ca, "token_ca": ca}

    def control(self, wanted: str = "") -> dict[str, int]:
        """Asks something of the token service; what it gave and refused so far."""
        context = ssl.create_default_context(cafile=str(self._ca))
        connection = http.client.HTTPSConnection("127.0.0.1", self._port, context=context, timeout=30)
        try:
            connection.request("POST", f"/control?{wanted}")
            answer: dict[str, int] = json.loads(connection.getresponse().read())
            return answer
        finally:
            connection.close()

    def leaks(self) -> list[str]:
        """Files that hold a token and are no place for one: whatever brokers, Flink and others wrote."""
        return [str(path) for path, text in self._written() if _JWT.search(text)]

    def _written(self) -> Iterator[tuple[Path, bytes]]:
        for path, text in (*written(self.folder), *written(self.loop.folder)):
            if "data" not in path.parts and path != self.folder / "token":
                yield path, text

    def _listener(self, name: str, address: str) -> dict[str, str]:
        spec = self.loop.broker(name).spec
        plain = f"CLIENTS://127.0.0.1:{spec.port}"
        module = "org.apache.kafka.common.security.oauthbearer."
        return {
            "listeners": f"{plain},CONTROLLER://127.0.0.1:{spec.controller_port},TOKENS://{address}",
            "advertised.listeners": f"{plain},TOKENS://{address}",
            "listener.security.protocol.map": "CLIENTS:PLAINTEXT,CONTROLLER:PLAINTEXT,TOKENS:SASL_SSL",
            f"{_LISTENER}ssl.keystore.type": "PEM",
            f"{_LISTENER}ssl.keystore.location": str(self.folder / "tls" / "broker-both.pem"),
            f"{_LISTENER}sasl.enabled.mechanisms": "OAUTHBEARER",
            f"{_MECHANISM}sasl.jaas.config": f"{module}OAuthBearerLoginModule required;",
            f"{_MECHANISM}sasl.server.callback.handler.class": f"{module}OAuthBearerValidatorCallbackHandler",
            f"{_MECHANISM}connections.max.reauth.ms": str(_REAUTHENTICATE_MS),
            "sasl.oauthbearer.jwks.endpoint.url": _keys(self.folder),
            "sasl.oauthbearer.expected.audience": KAFKA,
            "sasl.oauthbearer.expected.issuer": ISSUER,
            "sasl.oauthbearer.clock.skew.seconds": "1",
        }


def _keys(folder: Path) -> str:
    return (folder / "keys.json").as_uri()
