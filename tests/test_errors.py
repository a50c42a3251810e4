"""The tree of errors that the documentation draws is the one that there is."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import mdjpt.errors

ROOT = Path(__file__).parents[1]


def drawn() -> dict[str, str]:
    """Return each error of the drawing with the one that it hangs from."""
    path, parents = ["MdjptError"], {}
    for line in (mdjpt.errors.__doc__ or "").splitlines():
        if match := re.match(r" {4}((?:[| ] {3})*)\+-- (\w+)", line):
            depth = len(match[1]) // 4 + 1
            path[depth:] = [match[2]]
            parents[match[2]] = path[depth - 1]
    return parents


def declared() -> dict[str, str]:
    """Return each error of ours in the source with the one that it derives from."""
    bases: dict[str, list[str]] = {}
    for folder in ("app", "mdjpt", "streaming"):
        for path in (ROOT / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    bases[node.name] = [b.id for b in node.bases if isinstance(b, ast.Name)]
    ours, found = {"MdjptError"}, {}
    while new := {n: b for n, b in bases.items() if n not in ours and ours & set(b)}:
        ours |= new.keys()
        found |= {name: next(b for b in of if b in ours) for name, of in new.items()}
    return found


def test_the_drawn_tree_is_the_real_one() -> None:
    assert drawn() == declared()
