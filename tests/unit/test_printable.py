"""Text of other people on a terminal and in a pull request: it commands nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core import output
from genaiops_core.evaluation.verdicts import comment
from genaiops_core.printable import printable

RED = "\x1b[31mred\x1b[0m \u202egnp.exe \x9b2J \a"


def test_what_commands_a_terminal_or_turns_a_line_is_replaced_and_the_rest_stays() -> None:
    assert printable(RED) == "\ufffd[31mred\ufffd[0m \ufffdgnp.exe \ufffd2J \ufffd"
    assert printable("Größe\t日本\r\n\u00a0👩\u200d🔬") == "Größe\t日本\n\u00a0👩\u200d🔬"


@given(st.text(st.characters(codec=None)))
def test_nothing_that_is_left_commands_a_terminal(text: str) -> None:
    left = printable(text)
    assert not any((ord(one) < 32 and one not in "\n\t") or 127 <= ord(one) < 160 for one in left)
    assert printable(left) == left


def test_tables_lines_and_errors_show_it_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table([{"input": RED}], ["input"], empty="")
    output.say(RED)
    output.fail(RED)
    shown = capsys.readouterr()
    assert "red" in shown.out and "red" in shown.err
    assert not set("\x1b\u202e\x9b\a") & set(shown.out + shown.err)


def test_a_comment_on_a_pull_request_holds_none_of_it() -> None:
    assert not set("\x1b\u202e\x9b\a") & set(comment.escape_text(RED) + comment._format_code(RED))
