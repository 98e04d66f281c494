"""References to secrets and PEM files: ``env:NAME`` and ``file:/absolute/path``.

The topology document travels through stores, caches and logs, so it never holds a secret. What it
holds is a reference, which is resolved in the process that starts the Kafka client, at that moment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from anabranch.errors import ConfigurationError

__all__ = ["PemReference", "SecretReference", "pem_path", "private_key_path", "resolve"]

_ENV = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_FILE = re.compile(r"file:/[^\x00-\x1f]+")


def _secret(text: str) -> str:
    if _ENV.fullmatch(text) or _FILE.fullmatch(text):
        return text
    # The text may be a secret that somebody pasted: it must not come back in a message.
    raise PydanticCustomError(
        "reference",
        "must be a reference, not the value itself",
        {"hint": "write env:NAME or file:/absolute/path"},
    )


def _pem(text: str) -> str:
    if _FILE.fullmatch(text):
        return text
    raise PydanticCustomError(
        "reference", "must be a PEM file by reference", {"hint": "write file:/absolute/path.pem"}
    )


SecretReference = Annotated[
    str,
    AfterValidator(_secret),
    Field(json_schema_extra={"pattern": r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:/.+)$"}),
]
"""``env:NAME`` or ``file:/absolute/path``: where the secret is, never the secret."""

PemReference = Annotated[str, AfterValidator(_pem), Field(json_schema_extra={"pattern": r"^file:/.+$"})]
"""``file:/absolute/path`` of a PEM file."""


def resolve(reference: str, *, what: str, env: Mapping[str, str] = os.environ) -> str:
    """Returns the secret that a reference stands for, read now.

    One line end at the end of a file is not part of the secret: editors and ``echo`` add it.

    Args:
        reference: A valid :data:`SecretReference`.
        what: What needs it, for the error: ``password of primary b``.
        env: Where variables are looked up.

    Raises:
        ConfigurationError: The variable or file is missing, empty or unreadable.
    """
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = env.get(name, "")
        if not value:
            raise _missing(
                reference, what, "the variable is not set", f"export {name}=… where the client runs"
            )
        return value
    value = _read(reference, what).removesuffix("\n").removesuffix("\r")
    if not value:
        raise _missing(reference, what, "the file is empty", f"write it to {name}")
    return value


def pem_path(reference: str, *, what: str) -> str:
    """Returns the path of a PEM file after a look that it can be read and holds PEM."""
    if "-----BEGIN " not in _read(reference, what):
        raise _missing(reference, what, "the file holds no PEM block", "give the file in PEM form")
    return reference.removeprefix("file:")


def private_key_path(reference: str, *, what: str) -> str:
    """Returns the path of a private key in the one form that both client families read."""
    path = pem_path(reference, what=what)
    if "-----BEGIN PRIVATE KEY-----" not in _read(reference, what):
        raise _missing(
            reference,
            what,
            "the key is not in PKCS #8 form without a password",
            "convert it: openssl pkcs8 -topk8 -nocrypt -in KEY -out KEY.pem",
        )
    return path


def _read(reference: str, what: str) -> str:
    path = Path(reference.removeprefix("file:"))
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        problem = "the file does not exist"
    except UnicodeDecodeError:
        problem = "the file is not text"
    except OSError:
        problem = "the file cannot be read"
    raise _missing(reference, what, problem, "mount or create it where the client runs")


def _missing(reference: str, what: str, problem: str, hint: str) -> ConfigurationError:
    return ConfigurationError(f"{what}: {reference} cannot be resolved: {problem}", hint=hint)
