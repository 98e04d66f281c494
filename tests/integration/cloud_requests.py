"""What a loop's Azurite was asked, and where in the loop's files a token is."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.integration.written import written

if TYPE_CHECKING:
    from anabranch.devkit.loop import Loop

__all__ = ["TOKEN", "Request", "files_with_tokens", "requests"]

# A JSON Web Token, whoever signed it.
TOKEN = re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}")
_REQUEST = re.compile(r"RequestMethod=(\S+) RequestURL=(\S+) RequestHeaders:(\{.*?\}) ClientIP=")


@dataclass(frozen=True)
class Request:
    """One request, as Azurite logged it."""

    method: str
    url: str
    authorization: str


def requests(loop: Loop) -> list[Request]:
    """All that Azurite was asked."""
    found = _REQUEST.findall(loop.cloud.request_log.read_text())
    return [
        Request(method, url, json.loads(headers).get("authorization", "")) for method, url, headers in found
    ]


def files_with_tokens(loop: Loop) -> set[str]:
    """Files of the loop, which logs and state files are among, that hold a token."""
    return {str(path.relative_to(loop.folder)) for path, text in written(loop.folder) if TOKEN.search(text)}
