"""Flink's file systems in a JVM that is none of Flink's processes: nothing there looks for them."""

from __future__ import annotations

import os
from collections.abc import Mapping

from anabranch.connectors.jar_files import plugin_root

__all__ = ["load_file_systems"]

_OWN_PLUGINS = os.environ.get("FLINK_PLUGINS_DIR")  # PyFlink sets it to a folder of its own


def load_file_systems(options: Mapping[str, str]) -> None:
    """Gives the JVM, which must run, Flink's file systems and those of plugins, ours first.

    It holds for all of the JVM, until somebody does it anew.

    Args:
        options: Flink's.
    """
    from pyflink.java_gateway import get_gateway

    jvm = get_gateway().jvm
    values, folders = jvm.java.util.HashMap(), jvm.java.util.ArrayList()
    for key, value in options.items():
        values.put(key, value)
    # One that has not been built is left out: whoever names one of its schemes is told so.
    for folder in (str(plugin_root()), _OWN_PLUGINS):
        if folder:
            folders.add(folder)
    jvm.dev.anabranch.restore.FileSystems.initialize(values, folders)
