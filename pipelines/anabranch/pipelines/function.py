"""Python functions in SQL: typed by their hints, called row by row in thread mode."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any, Generic, ParamSpec, TypeVar, get_type_hints

from anabranch.errors import ConfigurationError
from anabranch.pipelines.records import fields_of
from anabranch.pipelines.sql_types import sql_type

__all__ = ["Function", "Signature", "function_of"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


@dataclass(frozen=True)
class Signature:
    """SQL types of a function's arguments and of its result."""

    arguments: tuple[str, ...]
    result: str


class Function(Generic[_P, _R]):
    """A Python function that SQL can call; called from Python it is the function itself.

    In an f-string it is its SQL name: ``job.sql(f"SELECT {score}(times) FROM {runs}")``.

    Attributes:
        name: In SQL.
        python: The function as written.
        signature: Its SQL types.
    """

    def __init__(self, name: str, python: Callable[_P, _R], signature: Signature, where: str) -> None:
        self.name = name
        self.python = python
        self.signature = signature
        self.where = where
        functools.update_wrapper(self, python)

    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Calls the Python function; no Flink is needed for it."""
        return self.python(*args, **kwargs)

    def __str__(self) -> str:
        return self.name

    def __reduce__(self) -> tuple[Any, ...]:
        """On a cluster a function that another one calls is just a function: anabranch may not be there."""
        return functools.partial, (self.python,)


def function_of(python: Callable[_P, _R], where: str) -> Function[_P, _R]:
    """Reads the types of a function from its hints.

    Raises:
        ConfigurationError: A hint is missing or has no SQL type.
    """
    name: str = getattr(python, "__name__", "")
    if not name.isidentifier():
        raise ConfigurationError("a function for SQL needs a name", where=where, hint="write it with def")
    hints = get_type_hints(python, include_extras=True)
    missing = [what for what in (*signature(python).parameters, "return") if what not in hints]
    if missing:
        raise ConfigurationError(
            f"{name}() has no type hint for {', '.join(missing)}",
            where=where,
            hint="SQL needs the type of each argument and of the result: def f(x: int) -> float | None",
        )
    # NOT NULL is left out: SQL hands over null wherever a column has it, and Flink would refuse the
    # call or, worse, trust the promise.
    types = {
        what: _nullable(sql_type(hint, f"{where}: {name}.{what}", fields_of)) for what, hint in hints.items()
    }
    result = types.pop("return")
    return Function(name, python, Signature(tuple(types.values()), result), where)


def _nullable(text: str) -> str:
    return text.removesuffix(" NOT NULL")
