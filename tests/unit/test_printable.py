"""Text of other people on a terminal and in a pull request: it commands nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core import output
from genaiops_core.evaluation.verdicts import comment
from genaiops_core.printable import printable

RED = "\x1b[31mred\x1b[0m \u202egnp.exe \x9b2J \a"


def test_only_control_and_direction_characters_are_replaced() -> None:
    assert printable(RED) == "\ufffd[31mred\ufffd[0m \ufffdgnp.exe \ufffd2J \ufffd"
    assert printable("Größe\t日本\r\n\u00a0👩\u200d🔬") == "Größe\t日本\n\u00a0👩\u200d🔬"


@given(st.text(st.characters(codec=None)))
def test_printable_text_has_no_control_characters(text: str) -> None:
    safe_text = printable(text)
    assert not any(
        (ord(character) < 32 and character not in "\n\t") or 127 <= ord(character) < 160
        for character in safe_text
    )
    assert printable(safe_text) == safe_text


def test_tables_lines_and_errors_print_safe_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_table([{"input": RED}], ["input"], empty="")
    output.say(RED)
    output.fail(RED)
    captured = capsys.readouterr()
    assert "red" in captured.out and "red" in captured.err
    assert not set("\x1b\u202e\x9b\a") & set(captured.out + captured.err)


def test_a_comment_on_a_pull_request_holds_none_of_it() -> None:
    assert not set("\x1b\u202e\x9b\a") & set(comment.escape_text(RED) + comment._format_code(RED))
