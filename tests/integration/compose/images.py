"""Stand-ins for the official images: real Kafka and Flink in the same places, on a Debian of our own.

They carry the official names, so that docker-compose.yml runs as it is where no image can be pulled. What
they prove is that file's wiring (names, ports, variables, mounts, order), not the official images.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from anabranch.devkit.flink_config import pyflink_folder
from anabranch.devkit.jars import kafka_jars
from anabranch.errors import ConfigurationError
from tests.integration.compose.engine import Engine
from tests.integration.compose.maven_jars import KAFKA_TOOLS, SQL_GATEWAY, fetched
from tests.integration.compose.rootfs import base_rootfs

__all__ = ["build_images"]

_BASE = "anabranch-test/base"
_RECIPES = Path(__file__).parent / "images"
_LIMIT_S = 300.0
_FLINK_PARTS = ("bin", "conf", "lib", "opt", "plugins")


def build_images(engine: Engine, compose_file: Path, scratch: Path) -> None:
    """Builds a stand-in for each image that the compose file names.

    Raises:
        ConfigurationError: It names one that has no stand-in.
    """
    services = yaml.safe_load(compose_file.read_text())["services"]
    engine.docker("import", base_rootfs(), _BASE, timeout_s=_LIMIT_S)
    for image in sorted({str(service["image"]) for service in services.values()}):
        context = scratch / image.partition(":")[0].replace("/", "-")
        if image.startswith("apache/kafka:"):
            _kafka_context(context)
        elif image.startswith("flink:"):
            _flink_context(context)
        else:
            raise ConfigurationError(f"there is no stand-in for image {image}", where=str(compose_file))
        engine.docker("build", "--tag", image, context, timeout_s=_LIMIT_S)
        shutil.rmtree(context)


def _kafka_context(context: Path) -> None:
    shutil.copytree(_RECIPES / "kafka", context)
    shutil.copytree(kafka_jars(), context / "libs")
    shutil.copy(fetched(KAFKA_TOOLS), context / "libs")


def _flink_context(context: Path) -> None:
    shutil.copytree(_RECIPES / "flink", context)
    for part in _FLINK_PARTS:
        shutil.copytree(pyflink_folder() / part, context / "flink" / part)
    shutil.copy(fetched(SQL_GATEWAY), context / "flink" / "opt")
    (context / "flink" / "log").mkdir()
