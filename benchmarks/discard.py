"""The server that forgets all blobs, as a process of a benchmark's own."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class DiscardServer:
    """One that runs.

    Attributes:
        ports: By latency in ms.
        authority: The certificate authority of its TLS.
    """

    ports: dict[str, int]
    authority: Path

    @classmethod
    @contextmanager
    def up(cls, command: list[str], latencies: list[int], authority: Path) -> Iterator[DiscardServer]:
        """Starts it; it ends with its standard input."""
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
            assert program.stdin is not None
            assert program.stdout is not None
            ports = program.stdout.readline().split()
            if len(ports) != len(latencies):
                sys.exit("the discarding server does not start: see above")
            try:
                yield cls(dict(zip(map(str, latencies), map(int, ports), strict=True)), authority)
            finally:
                program.stdin.close()

    def url(self, latency: str) -> str:
        """The endpoint of an account on it."""
        return f"https://127.0.0.1:{self.ports[latency]}/anabranch"

    def take_counts(self) -> dict[str, int]:
        """The requests by kind since they were last asked for."""
        port = next(iter(self.ports.values()))
        context = ssl.create_default_context(cafile=str(self.authority))
        with closing(http.client.HTTPSConnection("127.0.0.1", port, context=context)) as connection:
            connection.request("GET", "/counts")
            found: dict[str, int] = json.loads(connection.getresponse().read())
            return found
