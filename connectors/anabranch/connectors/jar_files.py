"""Where the jars are that a Flink class path needs beside Flink itself."""

from __future__ import annotations

from pathlib import Path

from anabranch.errors import EnvironmentMissingError

__all__ = ["jar_paths"]

# The Maven build fills this folder, and the wheel carries it; it holds nothing but jars.
_JARS = Path(__file__).parent / "jars"


def jar_paths() -> list[Path]:
    """Returns the connectors' jar and all that it depends on, sorted by name, as absolute paths.

    Raises:
        EnvironmentMissingError: The jars have not been built.
    """
    jars = sorted(_JARS.glob("*.jar"))
    if not jars:
        raise EnvironmentMissingError(
            "the Java connectors have not been built", where=str(_JARS), hint="run `make setup`"
        )
    return [jar.resolve() for jar in jars]
