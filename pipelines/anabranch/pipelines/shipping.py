"""Which of the user's modules travel with a function, because no cluster can import them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from anabranch.pipelines.places import is_user_file

__all__ = ["own_modules"]


def own_modules(function: Callable[..., Any]) -> list[ModuleType]:
    """The module of a function, and those that were loaded from the same folder or below it.

    Installed packages are not among them: a cluster has its own. Neither is what a job imports from
    elsewhere by ``sys.path`` or ``PYTHONPATH``: that must be importable there, too.
    """
    own = sys.modules.get(function.__module__)
    file = None if own is None else getattr(own, "__file__", None)
    if own is None or file is None or not is_user_file(file):
        return []
    folder = Path(file).resolve().parent
    loaded = [(module, getattr(module, "__file__", None)) for module in list(sys.modules.values())]
    return [
        module
        for module, place in loaded
        if isinstance(module, ModuleType)
        and isinstance(place, str)
        and is_user_file(place)
        and folder in Path(place).resolve().parents
    ]
