"""A link that is cut while a connection ends by itself."""

from __future__ import annotations

import gc
import socket
import threading

from anabranch.devkit.faulty_link import FaultyLink


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def answer(server: socket.socket) -> None:
    """Sends each client one byte, and waits until it is gone."""
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            client.sendall(b"x")
            client.recv(1)


def test_no_connection_is_left_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=answer, args=[server], daemon=True).start()
        with FaultyLink(port := free_port(), server.getsockname()[1]) as link:
            for _ in range(1_000):
                with socket.create_connection(("127.0.0.1", port), 10) as client:
                    assert client.recv(1) == b"x"
                link.cut()
                link.open()
        server.shutdown(socket.SHUT_RDWR)
    gc.collect()  # warnings about what was left open are errors
