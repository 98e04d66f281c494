"""File systems of a Flink that runs in this process: nothing there looks for Flink's plugins."""

from __future__ import annotations

from typing import Any

from anabranch.connectors.jar_files import plugin_root

__all__ = ["load_file_systems"]


def load_file_systems(configuration: Any) -> None:
    """Makes those of our plugins known, with options from the configuration, as a cluster does at its start.

    Args:
        configuration: Java's ``Configuration`` of the Flink that is about to start.
    """
    root = plugin_root()
    if not root.is_dir():
        return  # whoever names one of their schemes is told so
    from pyflink.java_gateway import get_gateway

    jvm = get_gateway().jvm
    core = jvm.org.apache.flink.core
    parents = jvm.org.apache.flink.configuration.CoreOptions.getPluginParentFirstLoaderPatterns(configuration)
    found = core.plugin.DirectoryBasedPluginFinder(jvm.java.io.File(str(root)).toPath()).findPlugins()
    core.fs.FileSystem.initialize(configuration, core.plugin.DefaultPluginManager(found, parents))
