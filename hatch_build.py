"""Puts the namespace portions and the jars into the wheel; runs Maven when the jars are missing."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOTS = ("connectors", "pipelines", "devkit", "cli")


class WheelHook(BuildHookInterface[Any]):
    """Called by hatchling once per build; leaves editable installs alone (they use ``dev-mode-dirs``)."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Adds each portion under ``anabranch/`` and the jars below the connectors."""
        if self.target_name != "wheel" or version == "editable":
            return
        root = Path(self.root)
        jars = root / "connectors" / "anabranch" / "connectors" / "jars"
        if not any(jars.glob("*.jar")):
            subprocess.run(
                ["mvn", "-q", "-B", "package", "-DskipTests"], cwd=root / "connectors" / "java", check=True
            )
        for name in ROOTS:
            for portion in sorted((root / name / "anabranch").iterdir()):
                build_data["force_include"][str(portion)] = f"anabranch/{portion.name}"
