"""The Debian with a JRE that the stand-in images are made from: built once, then kept in the user's cache."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

from anabranch.devkit import process
from anabranch.devkit.state import cache_home, exclusive
from anabranch.errors import EnvironmentMissingError

__all__ = ["base_rootfs"]

_PACKAGES = ("openjdk-17-jre-headless",)
_BUILD_LIMIT_S = 900.0


def base_rootfs() -> Path:
    """A tar file of the root file system, for this machine's release of Debian and kind of processor.

    Raises:
        EnvironmentMissingError: It cannot be built: not Debian, or its packages are out of reach.
    """
    suite = platform.freedesktop_os_release().get("VERSION_CODENAME", "unknown")
    key = hashlib.sha256(" ".join(_PACKAGES).encode()).hexdigest()[:8]
    rootfs = cache_home() / "compose" / f"rootfs-{suite}-{platform.machine()}-{key}.tar"
    with exclusive(rootfs.with_suffix(".lock"), timeout_s=_BUILD_LIMIT_S, what="the base of the images"):
        if not rootfs.exists():
            _build(suite, rootfs)
    return rootfs


def _build(suite: str, rootfs: Path) -> None:
    unfinished = rootfs.with_suffix(".unfinished.tar")
    argv = ["mmdebstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}", suite, str(unfinished)]
    done = process.run(argv, timeout_s=_BUILD_LIMIT_S)
    if done.code != 0:
        unfinished.unlink(missing_ok=True)
        raise EnvironmentMissingError(f"mmdebstrap cannot build Debian {suite}:\n{done.output[-2000:]}")
    unfinished.replace(rootfs)
