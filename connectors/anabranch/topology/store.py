"""Where documents are kept: what a store can do, and which store a URI means.

A store knows nothing of guards or validity. It reads text with a tag, and replaces text if the tag
is still the one that the caller saw, so that of two publishers at once exactly one wins.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit, urlunsplit

from anabranch.errors import ConfigurationError, TopologyError

__all__ = [
    "MAX_BYTES",
    "Stored",
    "TopologyStore",
    "conflict",
    "is_read_here",
    "missing",
    "open_store",
    "public_text",
    "public_uri",
]

MAX_BYTES = 4 * 1024 * 1024
"""A document has a few hundred bytes a primary: beyond this it is something else. As in Java."""

# A URI somewhere in a text; it ends where the quotes or brackets around it do.
_URI = re.compile(r"""[A-Za-z][A-Za-z0-9+.-]*://[^\s'"<>]+""")
_BLOB = ("abfss", "abfs", "wasbs")  # as the file-system plugin of Flink
_CONTAINER = re.compile(r"(?:abfss?|wasbs)://[a-z0-9$-]{3,63}@[^@/]+(?:/|$)")
_FILE = re.compile(r"file:(?://[^/]*)?", re.IGNORECASE)


@dataclass(frozen=True)
class Stored:
    """A document as it was read.

    Attributes:
        text: All of it.
        tag: Opaque; equal tags of one store mean equal texts. Empty: the store gave none.
    """

    text: str
    tag: str


class TopologyStore(Protocol):
    """One document at one place. Calls block, up to a deadline of the store's own."""

    @property
    def where(self) -> str:
        """The place in words fit for errors and logs: no query, no user info."""

    @property
    def key(self) -> str:
        """The place, made absolute: what its cache is named by. May hold a secret."""

    def read(self, known: Stored | None = None) -> Stored | None:
        """Reads the document; None: there is none.

        Args:
            known: What an earlier call returned; the very same object comes back if nothing changed.

        Raises:
            UnavailableError: The place does not answer, or not in time.
        """

    def replace(self, text: str, known: Stored | None) -> Stored:
        """Writes the document, if what is there is still ``known`` (None: nothing is there).

        Raises:
            TopologyError: Somebody else wrote meanwhile, or the place takes no writes.
            UnavailableError: The place does not answer; the document is as it was, or as given.
        """


def open_store(uri: str) -> TopologyStore:
    """Returns the store that a path, ``file:``, ``http(s):`` or ``abfss:`` URI means; touches nothing yet."""
    if not uri.strip():
        raise ConfigurationError(
            "no topology document is named", hint="give --topology, or set ANABRANCH_TOPOLOGY"
        )
    try:
        rest = urlsplit(uri)
    except ValueError:
        raise ConfigurationError(f"'{public_uri(uri)}' is no URI", hint="check its host and port") from None
    scheme = rest.scheme
    if scheme in ("http", "https"):
        from anabranch.topology.http_store import HttpStore

        return HttpStore(uri)
    if scheme in _BLOB:
        from anabranch.topology.blob_store import BlobStore

        return BlobStore(uri)
    from anabranch.topology.file_store import FileStore

    if scheme == "file":
        if rest.netloc not in ("", "localhost"):
            raise ConfigurationError(f"'{public_uri(uri)}' names a host", hint="write file:///absolute/path")
        # As Flink takes it, which reads the same document: nothing in it is escaped.
        return FileStore(_FILE.sub("", uri, count=1))
    if "://" in uri:
        raise ConfigurationError(
            f"cannot read a topology from '{public_uri(uri)}'",
            hint="Python reads paths, file:, http(s): and abfss: URIs; Flink jobs read all that Flink does",
        )
    return FileStore(uri)


def is_read_here(uri: str) -> bool:
    """Whether Python reads such a URI; jobs read those of Flink's file systems (``s3://…``) too.

    Of Blob Storage only where there is an identity: who submits a job to a cluster may have none.
    """
    scheme, mark, _ = uri.partition("://")
    if scheme in _BLOB:
        return bool(os.environ.get("AZURE_FEDERATED_TOKEN_FILE"))
    return not mark or scheme in ("http", "https", "file")


def public_uri(uri: str) -> str:
    """The URI without user info and query: a signed URL holds a secret there.

    What stands before the @ in Blob Storage's URIs is the container's name, without which they mean nothing.
    """
    try:
        parts = urlsplit(uri)
    except ValueError:  # an address that cannot be taken apart may have its secret anywhere
        return f"{uri.partition('://')[0]}://…"
    if not parts.netloc:
        return uri
    netloc = parts.netloc if _CONTAINER.match(uri) else parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=netloc, query="", fragment=""))


def public_text(text: str) -> str:
    """A text such as a foreign error message, each URI in it as :func:`public_uri` shows it."""
    return _URI.sub(lambda found: public_uri(found[0]), text)


def missing(where: str) -> TopologyError:
    """The error of who wants a document where there is none."""
    return TopologyError(
        "there is no topology document", where=where, hint="check the path, or apply one first"
    )


def conflict(where: str) -> TopologyError:
    """The error of the publisher who came second."""
    return TopologyError(
        "somebody else published meanwhile; nothing was written",
        where=where,
        hint="look at the new document (`anabranch topology show`) and apply again",
    )
