"""What librdkafka logs, at a level where it does not drown what anabranch says itself."""

from __future__ import annotations

import logging

__all__ = ["QuietLog"]

_log = logging.getLogger(__name__)


class QuietLog:
    """A logger for ``confluent_kafka``: all goes to DEBUG.

    librdkafka reports each lost connection and each new attempt at ERROR, some a second for a primary that
    is down; breakers and readers tell of both once, in their own words.
    """

    def log(self, level: int, message: str, *args: object) -> None:
        """Called by the client with its own level."""
        _log.debug(message, *args)
