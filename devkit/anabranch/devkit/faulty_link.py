"""A way to a broker that can be made silent or slow, cut or refused.

It forwards connections from one port of the loopback interface to another. What the broker tells its clients
to connect to must be the link again, so the broker has a listener that advertises the link's port:
:func:`link_to`. The tests in Java have the same in ``FaultyLink.java``.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from anabranch.devkit.brokers import Broker
from anabranch.devkit.ports import claim_ports

__all__ = ["FaultyLink", "link_to"]

_PIECE = 1 << 16
_LIMIT_S = 10.0


class FaultyLink:
    """Forwards to a broker's listener; all of it happens in one thread, which :meth:`close` ends.

    Args:
        port: Where clients connect to.
        target: The port that is forwarded to, of this machine.
    """

    def __init__(self, port: int, target: int) -> None:
        self.bootstrap = f"127.0.0.1:{port}"
        self._port, self._target = port, target
        self._requests = self._answers = self._takes = True
        self._delay_s = 0.0
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=f"faulty-link-{port}", daemon=True)
        self._thread.start()
        try:
            self._do(self._listen())
        except BaseException:
            self.close()
            raise

    def open(self) -> None:
        """Forwards again. Connections that lost something meanwhile are gone, as after a reboot."""

        async def change() -> None:
            lossy = not (self._requests and self._answers)
            self._requests = self._answers = self._takes = True
            self._delay_s = 0.0
            await self._listen()
            if lossy:
                await self._disconnect()

        self._do(change())

    def silence(self, *, answers_only: bool = False) -> None:
        """From now on connects and takes all that is sent, but swallows it: a black hole.

        Args:
            answers_only: Requests reach the broker, which does what they want; nobody is told.
        """

        async def change() -> None:
            self._requests, self._answers = answers_only, False

        self._do(change())

    def slow(self, delay_s: float) -> None:
        """From now on each piece of an answer comes so much later; the next one need not wait for it."""

        async def change() -> None:
            self._delay_s = delay_s

        self._do(change())

    def cut(self) -> None:
        """Ends all connections, and each new one at once."""

        async def change() -> None:
            self._takes = False
            await self._disconnect()

        self._do(change())

    def refuse(self) -> None:
        """Ends all connections; nobody listens any more, as when a broker's process has ended."""
        self._do(self._end())

    def close(self) -> None:
        """Ends everything, the thread too."""
        if self._thread.is_alive():
            self._do(self._end())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_LIMIT_S)
            if self._thread.is_alive():
                raise RuntimeError("the link's thread does not end")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        self._loop.run_forever()
        self._loop.close()

    def _do(self, change: Coroutine[Any, Any, None]) -> None:
        done: Future[None] = asyncio.run_coroutine_threadsafe(change, self._loop)
        done.result(_LIMIT_S)

    async def _listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)

    async def _end(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        # For one that is accepted already and has not been looked at.
        self._takes = False
        await self._disconnect()

    async def _disconnect(self) -> None:
        ending = list(self._connections)
        for connection in ending:
            connection.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        # What was aborted is closed in the loop's next round.
        await asyncio.sleep(0)

    async def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        own = asyncio.current_task()
        if own is None:
            raise RuntimeError("asyncio calls this in a task")
        self._connections.add(own)
        try:
            if self._takes:
                await self._forward(client, to_client)
        except (OSError, asyncio.CancelledError):
            # One side is gone, or is to be: the other one follows.
            pass
        finally:
            self._connections.discard(own)
            to_client.transport.abort()

    async def _forward(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        broker, to_broker = await asyncio.open_connection("127.0.0.1", self._target)
        ways = [
            asyncio.ensure_future(self._carry(client, to_broker, lambda: self._requests, lambda: 0.0)),
            asyncio.ensure_future(
                self._carry(broker, to_client, lambda: self._answers, lambda: self._delay_s)
            ),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            # Before anything is awaited: a cut may cancel that.
            to_broker.transport.abort()
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _carry(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        forwards: Callable[[], bool],
        delay_s: Callable[[], float],
    ) -> None:
        """One direction of a connection, until it ends."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def arrive() -> None:
            while True:
                due, piece = await under_way.get()
                await asyncio.sleep(due - self._loop.time())
                if forwards():
                    sink.write(piece)
                    await sink.drain()

        arriving = asyncio.ensure_future(arrive())
        try:
            while piece := await source.read(_PIECE):
                under_way.put_nowait((self._loop.time() + delay_s(), piece))
        finally:
            arriving.cancel()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await arriving


@contextmanager
def link_to(broker: Broker, folder: Path) -> Iterator[FaultyLink]:
    """Starts a broker anew, with one more listener, of which clients are told the link's port. Not with TLS.

    Args:
        broker: One that nobody uses yet.
        folder: Of its loop, which claims the ports.
    """
    linked_port, link_port = claim_ports(2, folder)
    spec = broker.spec
    clients, controller = f"CLIENTS://127.0.0.1:{spec.port}", f"CONTROLLER://127.0.0.1:{spec.controller_port}"
    more = {
        "listeners": f"{clients},LINK://127.0.0.1:{linked_port},{controller}",
        "advertised.listeners": f"{clients},LINK://127.0.0.1:{link_port}",
        "listener.security.protocol.map": "CLIENTS:PLAINTEXT,LINK:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    broker.reconfigure(more)
    with FaultyLink(link_port, linked_port) as link:
        yield link
