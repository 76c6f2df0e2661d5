"""CSV and its relatives: finds the delimiter, keeps multi-line cells, survives a quote that is never closed."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.headers import LOOK_AHEAD, fill, is_known, titles_above
from genaiops_core.evaluation.tables import MAX_COLUMNS, Table, require_columns

DELIMITERS = (",", ";", "\t", "|")
_NO_DELIMITER = "\x1f"
"""Never found in text: reads a file of one column whose sentences hold commas."""

_SAMPLE_CHARACTERS = 65_536
_MAX_RECOVERIES = 20
"""Rows with a quote that never closes that are stepped over before the file is given up as broken."""

# The module's limit, 128 KB a cell, is shorter than real contexts; it can only be set for the whole process.
csv.field_size_limit(20_000_000)


def read_delimited(text: str, filename: str, delimiter: str | None = None) -> Table:
    """Read delimited text; titles above the header are stepped over.

    Args:
        text: the decoded file.
        filename: named in errors.
        delimiter: one of `DELIMITERS`; None finds it.

    Raises:
        BadInput: there is no header, or there are too many columns or rows.
    """
    if delimiter is None:
        delimiter = find_delimiter(text[:_SAMPLE_CHARACTERS])
    _refuse_million_columns(text, delimiter, filename)
    reader = _Records(text, delimiter)
    table = fill(_guarded(iter(reader), filename), filename)
    for number in reader.unclosed:
        table.reject(number, "", "a quote is opened and never closed; the row was left out")
    return table


def _refuse_million_columns(text: str, delimiter: str, filename: str) -> None:
    """Before any row is taken apart: a header without quotes has one column more than delimiters."""
    end = text.find("\n")
    first_line = text if end < 0 else text[:end]
    if '"' not in first_line and first_line.count(delimiter) > MAX_COLUMNS:
        require_columns(first_line.count(delimiter) + 1, filename)


def find_delimiter(sample: str) -> str:
    """The delimiter that splits the header and, most consistently, the rows of `sample`."""
    best, best_score = _NO_DELIMITER, (0.0, 0)
    for candidate in DELIMITERS:
        reader = csv.reader(_lines(sample), delimiter=candidate, skipinitialspace=candidate != "\t")
        rows = [row for row in islice(reader, 200) if any(cell.strip() for cell in row)]
        counts = [len(row) for row in rows]
        if len(counts) > 2:
            counts.pop()  # the sample may end inside a row
        titles = titles_above(rows[:LOOK_AHEAD]) if rows else 0
        # Sentences below the name of their one column hold commas too: there only known names make a header.
        if titles and (candidate != "," or any(is_known(cell) for cell in rows[titles])):
            counts = counts[titles:]
        if not counts or counts[0] < 2:
            continue
        agreeing = Counter(counts)[counts[0]] / len(counts)
        if (agreeing, counts[0]) > best_score:
            best, best_score = candidate, (agreeing, counts[0])
    return best


def _guarded(records: Iterator[tuple[int, list[str]]], filename: str) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from records
    except csv.Error as error:
        raise BadInput(f"{filename} cannot be read as a table: {error}.") from error


def _lines(text: str) -> list[str]:
    """Lines with their ends as they are: csv keeps those inside quotes and knows all three kinds."""
    return io.StringIO(text, newline="").readlines()


class _Records:
    """Numbered records of a text, blank lines skipped; `unclosed` lists rows whose quote never closes."""

    def __init__(self, text: str, delimiter: str) -> None:
        self._lines = _lines(text)
        self._delimiter = delimiter
        # `a, "b, c"`: a space before the quote would make the quote part of the text. Spaces within quotes stay.
        self._spaced = delimiter != "\t"
        self.unclosed: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        start, number = 0, 0
        while start < len(self._lines):
            base = start
            reader = csv.reader(self._lines[base:], delimiter=self._delimiter, skipinitialspace=self._spaced)
            start = len(self._lines)
            previous = 0
            for cells in reader:
                number += 1
                begin, previous = base + previous, reader.line_num
                if self._swallowed(begin, base + previous):
                    self.unclosed.append(number)
                    start = begin + 1
                    break
                if any(cell.strip() for cell in cells):
                    yield number, cells

    def _swallowed(self, begin: int, end: int) -> bool:
        """Whether the record of lines [begin, end) ran to the end of the file in search of a closing quote."""
        if end < len(self._lines) or end - begin < 2 or len(self.unclosed) >= _MAX_RECOVERIES:
            return False
        return sum(line.count('"') for line in self._lines[begin:end]) % 2 == 1
