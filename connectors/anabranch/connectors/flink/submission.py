"""A job that was submitted, here or to a cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Submission"]


class Submission:
    """One submitted job; its methods ask the cluster each time.

    Args:
        client: PyFlink's ``JobClient``.
        close: Ends the Flink that was started for it alone.
    """

    def __init__(self, client: Any, close: Callable[[], None] = lambda: None) -> None:
        self._client = client
        self._close = close
        self._result = client.get_job_execution_result()

    @property
    def job_id(self) -> str:
        """32 hex digits."""
        return str(self._client.get_job_id())

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return bool(self._result.done())

    def result(self) -> None:
        """Waits for the end; raises what the JVM says if it failed or was ended."""
        self._result.result()

    def accumulators(self) -> dict[str, Any]:
        """Those of a job that has ended well."""
        found: dict[str, Any] = self._result.result().get_all_accumulator_results()
        return found

    def cancel(self) -> None:
        """Asks for cancellation; :attr:`done` tells when it has happened."""
        self._client.cancel().result()

    def close(self) -> None:
        """To be called when nothing is asked any more: a Flink that runs in this process ends."""
        self._close()
