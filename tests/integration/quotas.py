"""Client quotas of a broker, which librdkafka cannot set: the one request of Kafka's protocol that does.

AlterClientQuotas, version 0 (Kafka's ``AlterClientQuotasRequest.json``). The tool ``kafka-configs`` is not
among the jars that a broker needs.
"""

from __future__ import annotations

import socket
import struct

__all__ = ["limit_writers"]

_ALTER_CLIENT_QUOTAS = 49
_LIMIT_S = 10.0


def limit_writers(bootstrap: str, bytes_per_second: float | None) -> None:
    """Throttles each producer of a broker to that rate; None: none is any more."""
    entity = _array(_string("client-id") + _string(None))
    change = _string("producer_byte_rate") + struct.pack(
        ">d?", bytes_per_second or 0.0, bytes_per_second is None
    )
    answer = _ask(bootstrap, _array(entity + _array(change)) + struct.pack(">?", False))
    # Correlation id, throttle time, one entry, its error.
    _, _, entries, error = struct.unpack_from(">iiih", answer)
    assert (entries, error) == (1, 0), f"the quota is refused with error {error}"


def _ask(bootstrap: str, body: bytes) -> bytes:
    header = struct.pack(">hhi", _ALTER_CLIENT_QUOTAS, 0, 1) + _string("quotas")
    host, _, port = bootstrap.rpartition(":")
    with socket.create_connection((host, int(port)), _LIMIT_S) as connection:
        connection.sendall(struct.pack(">i", len(header + body)) + header + body)
        with connection.makefile("rb") as answers:
            [size] = struct.unpack(">i", answers.read(4))
            return answers.read(size)


def _string(text: str | None) -> bytes:
    return struct.pack(">h", -1) if text is None else struct.pack(">h", len(text)) + text.encode()


def _array(*items: bytes) -> bytes:
    return struct.pack(">i", len(items)) + b"".join(items)
