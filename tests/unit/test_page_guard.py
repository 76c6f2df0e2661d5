"""Every screen begins with the guard: it is the boundary, the navigation is not."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

from pages.parts.shared import catalogue

PAGES = Path(__file__).resolve().parents[2] / "pages"
FILES = sorted(PAGES.glob("*.py"))


def find_first_statement(file: Path) -> ast.stmt:
    """The first statement that is neither the docstring nor an import."""
    body = ast.parse(file.read_text()).body
    assert isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant), (
        "a docstring comes first"
    )
    return next(statement for statement in body[1:] if not isinstance(statement, ast.Import | ast.ImportFrom))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_first_statement_is_the_guard_of_the_screen(file: Path) -> None:
    assert ast.unparse(find_first_statement(file)) == f"screen = frame.guard('{file.stem}')"


def test_navigation_lists_exactly_the_screens() -> None:
    assert {file.stem for file in FILES} == set(catalogue.BY_NAME)


@pytest.mark.parametrize("file", sorted(PAGES.rglob("*.py")), ids=lambda file: file.stem)
def test_no_screen_writes_markup_or_calls_other_hosts(file: Path) -> None:
    text = file.read_text()
    for forbidden in ("unsafe_allow_html", "st.html(", "st.iframe(", "components.v1", "https://"):
        assert forbidden not in text, f"{file} uses {forbidden}"


def test_browser_accepts_the_weights_of_headings() -> None:
    theme = tomllib.loads((PAGES.parent / ".streamlit" / "config.toml").read_text())["theme"]
    # It warns about every other number and replaces it.
    assert [weight for weight in theme["headingFontWeights"] if weight % 50] == []
