"""Tables as lines of text that never cut a word, so that every id can be copied from a terminal of any width.

Columns share the width, but none is narrower than its longest word. Where that does not fit, each row is a block of
`column  value` lines.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

GAP = "  "
_MAX_WIDE_WORD = 20
"""Cells of a word with wide characters (Chinese, Japanese, Korean): such text has no spaces and may break anywhere."""


def render_table(headers: Sequence[str], rows: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """Render the header line, then the rows.

    Args:
        headers: of the columns.
        rows: a text for each column; line breaks are kept.
        width: of the terminal; None gives every row one line, for pipes and files.
    """
    columns = [[header, *(row[index] for row in rows)] for index, header in enumerate(headers)]
    natural = [max(_measure(line) for text in column for line in _split(text)) for column in columns]
    widths = _allocate(natural, [_measure_words(column) for column in columns], width)
    if widths is None:
        yield from _render_blocks(headers, rows)
        return
    for row in (headers, *rows):
        cells = [_wrap(text, size) for text, size in zip(row, widths, strict=True)]
        for line in range(max(map(len, cells))):
            parts = [
                _pad(cell[line] if line < len(cell) else "", size)
                for cell, size in zip(cells, widths, strict=True)
            ]
            yield GAP.join(parts).rstrip()


def _allocate(natural: Sequence[int], least: Sequence[int], width: int | None) -> list[int] | None:
    """The widths of the columns; None when their longest words do not fit side by side."""
    if width is None:
        return list(natural)
    spare = width - sum(least) - len(GAP) * (len(least) - 1)
    if spare < 0:
        return None
    widths = list(least)
    while spare and (growing := [at for at, size in enumerate(widths) if size < natural[at]]):
        for at in growing[:spare]:
            widths[at] += 1
        spare -= min(spare, len(growing))
    return widths


def _render_blocks(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    label = max(map(_measure, headers), default=0)
    for number, row in enumerate(rows):
        if number:
            yield ""
        for header, text in zip(headers, row, strict=True):
            # Not wrapped: the terminal does, and a copy of the text then has no line breaks.
            lines = _split(text)
            yield f"{_pad(header, label)}{GAP}{lines[0]}".rstrip()
            yield from (f"{'':{label}}{GAP}{line}".rstrip() for line in lines[1:])


def _wrap(text: str, width: int) -> list[str]:
    lines: list[str] = []
    for line in _split(text):
        if _measure(line) <= width:
            lines.append(line)
        elif line.isascii():
            lines += textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
        else:
            lines += _wrap_wide(line, width)
    return lines


def _wrap_wide(line: str, width: int) -> list[str]:
    """Wrap text whose characters may be two cells wide; a word longer than the width is broken."""
    from rich.cells import chop_cells

    lines = [""]
    for word in line.split():
        parts = [word] if _measure(word) <= width else chop_cells(word, width)
        for part in parts:
            candidate = f"{lines[-1]} {part}".strip()
            if _measure(candidate) <= width:
                lines[-1] = candidate
            else:
                lines.append(part)
    return [text for text in lines if text]


def _split(text: str) -> list[str]:
    return text.split("\n") or [""]


def _measure_words(column: Sequence[str]) -> int:
    return max((_measure_word(word) for text in column for word in text.split()), default=1)


def _measure_word(word: str) -> int:
    return _measure(word) if word.isascii() else min(_measure(word), _MAX_WIDE_WORD)


def _measure(text: str) -> int:
    """Cells of a terminal."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _measure(text))
