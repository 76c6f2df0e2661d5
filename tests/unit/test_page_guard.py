"""Every screen begins with the guard: it is the boundary, the navigation is not."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from pages.parts.shared import catalogue

PAGES = Path(__file__).resolve().parents[2] / "pages"
FILES = sorted(PAGES.glob("*.py"))


def first_statement(file: Path) -> ast.stmt:
    """The first statement that is neither the docstring nor an import."""
    body = ast.parse(file.read_text()).body
    assert isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant), (
        "a docstring comes first"
    )
    return next(one for one in body[1:] if not isinstance(one, ast.Import | ast.ImportFrom))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_first_statement_is_the_guard_of_this_screen(file: Path) -> None:
    assert ast.unparse(first_statement(file)) == f"screen = frame.guard('{file.stem}')"


def test_every_screen_is_in_the_navigation_and_the_other_way_round() -> None:
    assert {file.stem for file in FILES} == set(catalogue.BY_NAME)


@pytest.mark.parametrize("file", sorted(PAGES.rglob("*.py")), ids=lambda file: file.stem)
def test_no_screen_writes_markup_or_asks_other_hosts(file: Path) -> None:
    text = file.read_text()
    for forbidden in ("unsafe_allow_html", "st.html(", "st.iframe(", "components.v1", "https://"):
        assert forbidden not in text, f"{file} uses {forbidden}"


def test_the_browser_accepts_the_weights_of_the_headings() -> None:
    theme = tomllib.loads((PAGES.parent / ".streamlit" / "config.toml").read_text())["theme"]
    # It warns about every other number and takes its own.
    assert [one for one in theme["headingFontWeights"] if one % 50] == []
