"""Stands where a transport cannot be made: its secret is missing, its certificate is only half written."""

from __future__ import annotations

from anabranch.connectors.prism.transport import AnswerCallback, Failure, FailureKind, Headers

__all__ = ["UnmadeTransport"]


class UnmadeTransport:
    """Takes nothing; see :class:`~anabranch.connectors.prism.transport.Transport`.

    The breaker of its link is open, which keeps records from it, so that nothing is ever owed by it.
    """

    cluster: str | None = None

    def send(
        self,
        value: bytes | None,
        key: bytes | None,
        timestamp_ms: int,
        headers: Headers,
        on_answer: AnswerCallback,
    ) -> None:
        """Refuses."""
        raise _NoClientError

    def poll(self) -> None:
        """Nothing to serve, and nothing to tell that the breaker does not know."""

    def returned(self) -> bool:
        """Never; a client that can be made takes its place."""
        return False

    def purge(self) -> None:
        """Nothing to give up."""

    def failure(self, error: object, message: object = None) -> Failure:
        """Of its own refusals, which wrote nothing."""
        return Failure(FailureKind.NOT_WRITTEN, "there is no client", vague=True)

    def place(self, message: object) -> tuple[int, int]:
        """Never asked, for nothing is acknowledged."""
        raise NotImplementedError

    def close(self) -> None:
        """Nothing to free."""


class _NoClientError(Exception):
    """Raised by :meth:`UnmadeTransport.send`."""
