"""The public surface: each module says what it offers, nothing else is taken, and the users' part is held.

The modules are read, not imported, since some need Flink.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
# One top folder for each part of the namespace package, see pyproject.toml.
PARTS = ("connectors", "pipelines", "devkit", "cli")
SURFACE = Path(__file__).with_name("surface.txt")


def module_name(path: Path, part: str) -> str:
    names = path.relative_to(ROOT / part).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


TREES = {
    module_name(path, part): ast.parse(path.read_text(encoding="utf-8"))
    for part in PARTS
    for path in sorted((ROOT / part / "anabranch").rglob("*.py"))
    if path.name != "__main__.py"  # run, never imported
}


@cache
def offered(module: str) -> tuple[str, ...] | None:
    """Its `__all__`."""
    for node in TREES[module].body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and "__all__" in assigned(node):
            assert node.value is not None
            return tuple(ast.literal_eval(node.value))
    return None


def assigned(node: ast.stmt) -> set[str]:
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    return {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}


def defined(module: str) -> set[str]:
    """What it defines at its top level; a name that is only imported is not its own."""
    found: set[str] = set()
    for node in TREES[module].body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        found |= assigned(node)
    return found


def imported(module: str) -> set[str]:
    return {
        alias.asname or alias.name
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def taken(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Module and name of everything of ours that is used: `from m import n`, and `m.n` of an imported m."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in TREES:
            for alias in node.names:
                if f"{node.module}.{alias.name}" in TREES:
                    modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                else:
                    yield node.module, alias.name
        elif isinstance(node, ast.Import):
            modules.update({alias.asname: alias.name for alias in node.names if alias.asname})
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            module = modules.get(node.value.id, "")
            if module in TREES:
                yield module, node.attr


def test_every_module_says_what_it_offers() -> None:
    assert [module for module in TREES if offered(module) is None] == []


def test_what_is_not_offered_is_underscored() -> None:
    astray = {
        f"{module}.{name}"
        for module in TREES
        for name in defined(module) - set(offered(module) or ())
        if not name.startswith("_")
    }
    assert astray == set()


def test_what_is_offered_is_there_and_named_once() -> None:
    astray = {
        f"{module}.{name}"
        for module in TREES
        for name, times in Counter(offered(module)).items()
        if times > 1 or name not in defined(module) | imported(module)
    }
    assert astray == set()


def test_only_what_is_offered_is_taken() -> None:
    astray = {
        f"{module} takes {other}.{name}"
        for module, tree in TREES.items()
        for other, name in taken(tree)
        if name not in (offered(other) or ())
    }
    assert astray == set()


def users_modules() -> dict[str, tuple[str, ...]]:
    """The modules that users import, with their names, as `surface.txt` has them."""
    found: dict[str, list[str]] = {}
    names: list[str] = []
    for line in SURFACE.read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            names.append(line.strip())
        elif line and not line.startswith("#"):
            names = found.setdefault(line, [])
    return {module: tuple(listed) for module, listed in found.items()}


def test_what_users_import_changes_by_decision_only() -> None:
    """Users' programs rest on these names: change `surface.txt` with them, and tell in CHANGELOG.md."""
    held = users_modules()
    assert held == {module: tuple(sorted(offered(module) or ())) for module in held}


def test_documents_and_reference_jobs_name_no_other_module() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "flink-jobs").rglob("*.py")]
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages)
    imports = re.findall(r"^\s*from (anabranch[\w.]*) import ([\w, ]+)", text, re.MULTILINE)
    named = set(re.findall(r"`(anabranch\.[a-z_.]*[a-z_])\b", text))
    named |= {module.rpartition(".")[0] for module in named} - {"anabranch"}
    held = users_modules()
    assert len(imports) > 5
    assert named >= {"anabranch.connectors.readers"}
    assert {module for module in named if module in TREES} <= held.keys()
    for module, names in imports:
        assert set(names.replace(" ", "").split(",")) <= set(held.get(module, ())), module
