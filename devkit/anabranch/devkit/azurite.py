"""Azurite, Microsoft's local Blob Storage: installed once by npm from a committed lock file."""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.state import cache_home, exclusive
from anabranch.errors import EnvironmentMissingError

__all__ = ["ACCOUNT", "AZURITE_VERSION", "azurite_command", "azurite_environment", "azurite_program"]

AZURITE_VERSION = "3.37.0"
ACCOUNT = "anabranch"
_INSTALL_LIMIT_S = 600.0
# It declares 22, and its tests here pass on 20, which Debian and Ubuntu still ship.
_OLDEST_NODE = 20
_INSTALL_NODE = f"install Node {_OLDEST_NODE} or newer with npm, then try again"
_VERSION_LIMIT_S = 30.0


def azurite_program(tell: Callable[[str], None] = lambda text: None) -> Path:
    """Path of Azurite's blob service; installs it below the cache if it is not there.

    Args:
        tell: Called with what takes long: the installation.

    Raises:
        EnvironmentMissingError: Node or npm is missing, Node is too old, or npm cannot install it.
        UnavailableError: The installation does not come to its end.
    """
    _check_node()
    folder = cache_home() / f"azurite-{AZURITE_VERSION}"
    program = folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    if not program.is_file():
        lock = folder.with_name(f".{folder.name}.lock")
        with exclusive(
            lock, timeout_s=_INSTALL_LIMIT_S, what=f"the installation of Azurite {AZURITE_VERSION}"
        ):
            if not program.is_file():  # else another command was faster
                tell(f"installing Azurite {AZURITE_VERSION} by npm, once: 360 MB in {folder}")
                _install(folder)
    return program


def azurite_command(
    port: int, certificate: Path, key: Path, log: Path | None = None, data: Path | None = None
) -> list[str]:
    """The command line of a blob service over TLS that takes bearer tokens.

    Args:
        port: On the loopback interface.
        certificate: PEM; for 127.0.0.1.
        key: PEM; of the certificate.
        log: What it did for each request, and how the request was authenticated, tokens and all; without it
            there is no such log.
        data: Folder that it keeps blobs in; without it they are gone when it ends.
    """
    kept = ["--inMemoryPersistence"] if data is None else ["--location", str(data)]
    listens = [
        "--blobHost",
        "127.0.0.1",
        "--blobPort",
        str(port),
        "--cert",
        str(certificate),
        "--key",
        str(key),
    ]
    # Clients ask by newer versions of the protocol than it knows; it need not tell anybody of its use.
    ways = ["--oauth", "basic", "--skipApiVersionCheck", "--disableProductStyleUrl", "--disableTelemetry"]
    logged = [] if log is None else ["--debug", str(log)]
    return [_program("node"), str(azurite_program()), *listens, *ways, *kept, *logged]


def azurite_environment() -> Mapping[str, str]:
    """An account whose key nobody has: what gets in has a token."""
    return {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{b64encode(secrets.token_bytes(64)).decode()}"}


def _install(folder: Path) -> None:
    npm = _program("npm")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".azurite-") as scratch:
        for name in ("package.json", "package-lock.json"):
            text = resources.files("anabranch.devkit").joinpath(f"azurite-{name}").read_text()
            Path(scratch, name).write_text(text)
        # No script of a package runs; what comes must have the hashes of the lock file.
        argv = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", scratch]
        done = process.run(argv, timeout_s=_INSTALL_LIMIT_S, cwd=Path(scratch))
        if done.code != 0:
            said = [line for line in done.output.splitlines() if "npm error" in line] or ["no reason"]
            raise EnvironmentMissingError(
                f"npm could not install Azurite {AZURITE_VERSION}: {said[0][:300]}",
                hint="check the network, or the registry in ~/.npmrc, then try again",
            )
        if folder.exists():
            shutil.rmtree(folder)
        Path(scratch).rename(folder)
        Path(scratch).mkdir()  # which the block removes


def _check_node() -> None:
    said = process.run([_program("node"), "--version"], timeout_s=_VERSION_LIMIT_S).output.strip()
    version = re.match(r"v([0-9]+)\.", said)
    if version is None or int(version[1]) < _OLDEST_NODE:
        raise EnvironmentMissingError(
            f"node is {said[:40] or 'of no known version'}, and the local Blob Storage (Azurite) needs "
            f"{_OLDEST_NODE} or newer",
            hint=_INSTALL_NODE,
        )


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise EnvironmentMissingError(
            f"{name} is not installed, and the local Blob Storage (Azurite) needs it", hint=_INSTALL_NODE
        )
    return found
