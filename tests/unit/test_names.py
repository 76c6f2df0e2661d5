"""Names are the field's: few words that only their author understands, and functions named by verbs."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

PRIVATE_WORDS = frozenset(
    [
        "one",
        "found",
        "told",
        "said",
        "asked",
        "kept",
        "made",
        "here",
        "given",
        "most",
        "shown",
        "left",
        "named",
        "there",
        "who",
        "which",
        "what",
        "again",
    ]
)
MAX_PRIVATE_SHARE = 0.01
MAX_PARTICIPLE_SHARE = 0.025
MAX_TEST_NAME_LENGTH = 60

_PARTICIPLE = re.compile(r"\w{2,}ed|told|said|made|kept|shown|drawn|written|known|seen|given|taken|left")
_VERBS = frozenset({"embed", "feed", "seed", "speed", "need", "exceed", "proceed", "succeed", "shed"})
"""Verbs that end like a participle."""


def parse_files(folder: str) -> Iterator[tuple[Path, ast.Module]]:
    for file in sorted((ROOT / folder).rglob("*.py")):
        yield file.relative_to(ROOT), ast.parse(file.read_text())


def list_bound_names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg


def list_functions(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name


def is_participle(function: str) -> bool:
    first = function.strip("_").split("_")[0]
    return first not in _VERBS and _PARTICIPLE.fullmatch(first) is not None


@pytest.mark.parametrize("folder", ["genaiops_core", "pages", "db", "tests"])
def test_few_names_are_private_words(folder: str) -> None:
    total, private = 0, Counter[str]()
    for file, tree in parse_files(folder):
        for name in list_bound_names(tree):
            total += 1
            if name in PRIVATE_WORDS:
                private[f"{file}: {name}"] += 1
    assert private.total() <= MAX_PRIVATE_SHARE * total, private.most_common(20)


@pytest.mark.parametrize("folder", ["genaiops_core", "pages", "db", "tests"])
def test_few_functions_are_named_by_a_participle(folder: str) -> None:
    functions = [(file, name) for file, tree in parse_files(folder) for name in list_functions(tree)]
    participles = [f"{file}: {name}" for file, name in functions if is_participle(name)]
    assert len(participles) <= MAX_PARTICIPLE_SHARE * len(functions), participles[:20]


def test_names_of_tests_stay_readable() -> None:
    too_long = [
        f"{file}: {name}"
        for file, tree in parse_files("tests")
        for name in list_functions(tree)
        if name.startswith("test_") and len(name) > MAX_TEST_NAME_LENGTH
    ]
    assert too_long == []
