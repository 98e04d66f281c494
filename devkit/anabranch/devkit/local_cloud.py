"""Blob Storage and a token service of this process's own, for tests and for what has no loop.

::

    with LocalCloud.up(folder) as cloud:
        environment = {**os.environ, **cloud.environment}

As ``python -m anabranch.devkit.local_cloud FOLDER`` it prints what a client needs as one line of JSON and
ends when its standard input does, however its parent ended.
"""

from __future__ import annotations

import contextlib
import json
import sys
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

from anabranch.devkit import process
from anabranch.devkit.cloud_services import CloudServices, CloudSpec
from anabranch.devkit.guardian import start_guardian
from anabranch.devkit.ports import claim_ports, release_ports
from anabranch.devkit.state import write_json
from anabranch.errors import AnabranchError

__all__ = ["LocalCloud"]

# Tests read how each request was authenticated, and have tokens rotate when they ask for it.
_SPEC = CloudSpec(rotate_every_s=0, in_memory=True, log_requests=True)


class LocalCloud(CloudServices):
    """Both services, running; end with the ``with`` block, or with this process whatever ends it.

    Made by :meth:`up`, never directly.
    """

    @classmethod
    def up(cls, folder: Path) -> LocalCloud:
        """Starts both in ``folder``, with a certificate authority of their own, and makes the container.

        Raises:
            EnvironmentMissingError: Node, npm or the package ``cryptography`` is missing, or one dies at its
                start.
            UnavailableError: One of them does not listen in time.
        """
        folder.mkdir(parents=True, exist_ok=True)
        blob_port, token_port = claim_ports(2, folder)
        mark = f"cloud-{uuid.uuid4().hex}"
        cloud = cls(folder, mark)
        write_json(folder / "loop.json", {"phase": "attached", "mark": mark})
        start_guardian(folder, mark)
        try:
            cloud.prepare(_SPEC, blob_port, token_port)
            cloud.start()
        except BaseException:
            cloud.down()
            raise
        return cloud

    def down(self) -> None:
        """Ends both; what they wrote stays."""
        with contextlib.suppress(FileNotFoundError):
            write_json(self.folder / "loop.json", {"phase": "down", "mark": self._mark})
        for service in self.services:
            service.kill()
        process.sweep(self._mark)
        release_ports(self.folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.down()


def _main(folder: Path) -> None:
    with LocalCloud.up(folder) as cloud:
        told = {
            "environment": cloud.environment,
            "flink": cloud.flink_options,
            "location": cloud.location,
            "requests": str(cloud.request_log),
            "tls": str(folder / "tls"),
        }
        print(json.dumps(told), flush=True)  # noqa: T201
        sys.stdin.read()


if __name__ == "__main__":
    try:
        _main(Path(sys.argv[1]).absolute())
    except AnabranchError as error:
        sys.exit(str(error))
