"""Where the jars are that a Flink class path needs beside Flink itself."""

from __future__ import annotations

from pathlib import Path

from anabranch.errors import EnvironmentMissingError

__all__ = ["jar_paths", "plugin_folder", "plugin_root"]

# The Maven build fills this folder, and the wheel carries it; it holds nothing but jars.
_JARS = Path(__file__).parent / "jars"
_PLUGINS = _JARS.with_name("plugins")


def jar_paths() -> list[Path]:
    """Returns the connectors' jar and all that it depends on, sorted by name, as absolute paths.

    Raises:
        EnvironmentMissingError: The jars have not been built.
    """
    return _jars_in(_JARS, "the Java connectors have")


def plugin_folder(name: str) -> Path:
    """Returns the folder of jars, as an absolute path, that is to lie below Flink's ``plugins/``.

    Args:
        name: Of the plugin, as in ``azure-blob-fs``.

    Raises:
        EnvironmentMissingError: It has not been built.
    """
    return _jars_in(_PLUGINS / name, f"Flink's plugin {name} has")[0].parent


def plugin_root() -> Path:
    """Returns the folder that holds a folder for each of our plugins."""
    return _PLUGINS.resolve()


def _jars_in(folder: Path, what: str) -> list[Path]:
    jars = sorted(folder.glob("*.jar"))
    if not jars:
        raise EnvironmentMissingError(f"{what} not been built", where=str(folder), hint="run `make setup`")
    return [jar.resolve() for jar in jars]
