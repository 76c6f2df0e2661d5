"""Tables of the command line: no word is cut at any width, and no line is wider than the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from genaiops_core import output
from genaiops_core.text_tables import render_table

ID = "01890a5d-ac96-774b-bcce-b302099a8057"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

words = st.text("abcdefgh-:./_0123456789", min_size=1, max_size=40)
cells = st.lists(words, max_size=6).map(" ".join)


def test_columns_share_the_width_of_the_terminal() -> None:
    rows = [[ID, "passed", "the interval 0.8 to 0.9 is at or above 0.75"], [TRACE, "", "short"]]
    assert list(render_table(["id", "verdict", "why"], rows, 72)) == [
        "id                                    verdict  why",
        f"{ID}  passed   the interval 0.8 to 0.9",
        "                                               is at or above 0.75",
        f"{TRACE}               short",
    ]


def test_rows_are_blocks_where_the_ids_do_not_fit() -> None:
    assert list(render_table(["id", "trace id"], [[ID, TRACE], ["1", "2"]], 60)) == [
        *(f"id        {ID}", f"trace id  {TRACE}", "", "id        1", "trace id  2")
    ]


def test_a_pipe_gets_one_line_per_row() -> None:
    text = "many words " * 40
    assert list(render_table(["id", "why"], [[ID, text]], None))[1] == f"{ID}  {text}".rstrip()


@pytest.mark.parametrize("width", [30, 40, 80])
def test_wide_characters_keep_the_columns_aligned(width: int) -> None:
    rows = [["日本語の長い質問です" * 5, "abc"], ["kurz", "def"]]
    lines = list(render_table(["input", "id"], rows, width))
    assert max(map(cell_len, lines)) <= width
    assert "".join(line.split("  ")[0].strip() for line in lines[1:-1]).count("日本語") == 5
    ends = [line for line in lines if line.endswith(("id", "abc", "def"))]
    assert len({cell_len(line.rstrip("abcdefi")) for line in ends}) == 1 and len(ends) == 3


tables = st.integers(1, 4).flatmap(
    lambda size: st.lists(st.lists(cells, min_size=size, max_size=size), min_size=1, max_size=4)
)


@given(tables, st.integers(20, 200))
def test_no_word_is_cut_and_no_line_is_too_wide(rows: list[list[str]], width: int) -> None:
    headers = [f"H{number}" for number in range(len(rows[0]))]
    lines = list(render_table(headers, rows, width))
    printed = [word for line in lines for word in line.split() if not word.startswith("H")]
    assert sorted(printed) == sorted(word for row in rows for text in row for word in text.split())
    columns = [[header, *(row[at] for row in rows)] for at, header in enumerate(headers)]
    longest = [max(len(word) for text in column for word in text.split()) for column in columns]
    # Otherwise every row is a block, and the terminal wraps its lines.
    if sum(longest) + 2 * (len(longest) - 1) <= width:
        assert max(map(len, lines)) <= width


def test_width_is_that_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {"id": ID, "dataset": "prices", "judge": "bedrock:anthropic.claude-haiku-4-5", "units_done": 5}
    monkeypatch.setenv("COLUMNS", "80")
    output.print_table([row], list(row), empty="")
    assert capsys.readouterr().out.splitlines() == [
        *(f"id          {ID}", "dataset     prices"),
        *("judge       bedrock:anthropic.claude-haiku-4-5", "units done  5"),
    ]
    monkeypatch.delenv("COLUMNS")
    output.print_table([row], list(row), empty="")
    assert capsys.readouterr().out.splitlines()[1] == f"{ID}  prices   bedrock:anthropic.claude-haiku-4-5  5"
