"""CSV and its relatives: finds the delimiter, keeps multi-line cells, survives a quote that is never closed."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.headers import LOOK_AHEAD, build_table, is_known_name, count_titles
from genaiops_core.evaluation.readers.tables import MAX_CELL_CHARACTERS, MAX_COLUMNS, Table, require_columns

DELIMITERS = (",", ";", "\t", "|", "~", "^")
_NO_DELIMITER = "\x1f"
"""Never found in text: reads a file of one column whose sentences hold commas."""

_SAMPLE_CHARACTERS = 65_536
_MAX_RECOVERIES = 20
"""Rows with a quote that never closes that are stepped over before the file is given up as broken."""

_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++\Z")
_SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?\r?\n", re.IGNORECASE)
"""What Excel writes above the header to say which delimiter follows."""

_QUOTE_IN_SLASH = re.compile(r'(?<=[^\\,;\t|])\\"(?=[^,;\t|\r\n])')
_DOUBLED_QUOTE = re.compile(r'(?<=[^,;\t|\r\n"])""|""(?=[^,;\t|\r\n"])')

# The module's limit, 128 KB a cell, is shorter than real contexts; it can only be set for the whole process.
csv.field_size_limit(MAX_CELL_CHARACTERS)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a file parts its cells."""

    delimiter: str
    escapes: bool = False
    r"""Quotes within a quoted cell are written \" instead of ""."""


def read_delimited(
    text: str, filename: str, delimiter: str | None = None, max_rows: int | None = None
) -> Table:
    """Read delimited text; titles above the header are stepped over.

    Args:
        text: the decoded file.
        filename: named in errors.
        delimiter: one character; None finds it.
        most_rows: rows to read; None for all.

    Raises:
        BadInput: there is no header, or there are too many columns or rows.
    """
    start = 0
    if separator_line := _SEPARATOR_LINE.match(text):
        delimiter, start = separator_line.group(1), separator_line.end()
    sample = text[start : start + _SAMPLE_CHARACTERS]
    dialect = Dialect(
        delimiter=find_delimiter(sample) if delimiter is None else delimiter,
        escapes=bool(_QUOTE_IN_SLASH.search(sample)) and not _DOUBLED_QUOTE.search(sample),
    )
    _refuse_too_many_columns(text, start, dialect.delimiter, filename)
    reader = _RecordReader(text, dialect, start=start)
    table = build_table(_report_csv_errors(iter(reader), filename), filename, max_rows)
    for number in reader.unclosed:
        table.reject(number, "", "a quote is opened and never closed; the row was left out")
    return table


def _refuse_too_many_columns(text: str, start: int, delimiter: str, filename: str) -> None:
    """Before any row is taken apart: a header without quotes has one column more than delimiters."""
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    delimiters = text.count(delimiter, start, end)
    if delimiters > MAX_COLUMNS and text.find('"', start, end) < 0:
        require_columns(delimiters + 1, filename)


def find_delimiter(sample: str) -> str:
    """The delimiter that splits the header and, most consistently, the rows of `sample`."""
    best, best_score = _NO_DELIMITER, (0.0, 0)
    for candidate in DELIMITERS:
        score = _rate_agreement(sample, candidate)
        if score > best_score:
            best, best_score = candidate, score
    return best if best != _NO_DELIMITER else _find_rare_delimiter(sample)


def _find_rare_delimiter(sample: str) -> str:
    """Another character that parts known names in the header, and every row as it does the header."""
    header = next((line for line in sample.splitlines() if line.strip()), "")
    for candidate in dict.fromkeys(header):
        is_text = candidate.isalnum() or candidate in " _-.\"'()[]{}\\"
        if is_text or sum(is_known_name(part) for part in header.split(candidate)) < 2:
            continue
        if _rate_agreement(sample, candidate)[0] == 1:
            return candidate
    return _NO_DELIMITER


def _rate_agreement(sample: str, candidate: str) -> tuple[float, int]:
    """The share of rows with as many cells as the header, and how many those are; (0, 0) when it parts nothing."""
    reader = csv.reader(_iterate_lines(sample), delimiter=candidate, skipinitialspace=candidate != "\t")
    rows = [row for row in islice(reader, 200) if any(cell.strip() for cell in row)]
    counts = [len(row) for row in rows]
    if len(counts) > 2:
        counts.pop()  # the sample may end inside a row
    titles = count_titles(rows[:LOOK_AHEAD]) if rows else 0
    # Sentences below the name of their one column hold commas too: there only known names make a header.
    if titles and (candidate != "," or any(is_known_name(cell) for cell in rows[titles])):
        counts = counts[titles:]
    if not counts or counts[0] < 2:
        return 0.0, 0
    return Counter(counts)[counts[0]] / len(counts), counts[0]


def _report_csv_errors(records: Iterator[tuple[int, list[str]]], filename: str) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from records
    except csv.Error as error:
        if "field limit" in str(error):
            raise BadInput(
                f"{filename} holds a cell or a line of more than {MAX_CELL_CHARACTERS:,} characters; is a quote "
                "missing, or is it no table?"
            ) from error
        raise BadInput(f"{filename} cannot be read as a table: {error}.") from error


def _iterate_lines(text: str, start: int = 0) -> Iterator[str]:
    """Lines with their ends as they are: csv keeps those inside quotes and knows all three kinds."""
    return (_read_line(line) for line in _LINE.finditer(text, start))


def _read_line(line: re.Match[str]) -> str:
    """The text of a line, unless it is longer than any cell: then not even a copy is made of it."""
    if line.end() - line.start() > MAX_CELL_CHARACTERS:
        raise csv.Error("field limit")
    return line.group()


class _RecordReader:
    """Numbered records of a text, blank lines skipped; `unclosed` lists rows whose quote never closes."""

    def __init__(self, text: str, dialect: Dialect, *, start: int) -> None:
        self._text = text
        self._start = start
        self._dialect = dialect
        self._line_starts: list[int] = []  # where the lines of the record that is being read begin
        self.unclosed: list[int] = []

    def __iter__(self) -> Iterator[tuple[int, list[str]]]:
        start: int | None = self._start
        number = 0
        while start is not None:
            reader = self._build_reader(start)
            start = None
            for cells in reader:
                number += 1
                if self._is_unclosed():
                    self.unclosed.append(number)
                    start = self._line_starts[1]
                    break
                self._line_starts.clear()
                if any(cell.strip() for cell in cells):
                    yield number, cells

    def _build_reader(self, start: int) -> Iterator[list[str]]:
        # `a, "b, c"`: a space before the quote would make the quote part of the text. Spaces within quotes stay.
        is_spaced = self._dialect.delimiter != "\t"
        self._line_starts.clear()
        lines = self._track_lines(start)
        if self._dialect.escapes:
            return csv.reader(
                lines,
                delimiter=self._dialect.delimiter,
                skipinitialspace=is_spaced,
                doublequote=False,
                escapechar="\\",
            )
        return csv.reader(lines, delimiter=self._dialect.delimiter, skipinitialspace=is_spaced)

    def _track_lines(self, start: int) -> Iterator[str]:
        for line in _LINE.finditer(self._text, start):
            self._line_starts.append(line.start())
            yield _read_line(line)

    def _is_unclosed(self) -> bool:
        """Whether the record that was just read ran to the end of the file in search of a closing quote."""
        if len(self._line_starts) < 2 or len(self.unclosed) >= _MAX_RECOVERIES:
            return False
        last = _LINE.match(self._text, self._line_starts[-1])
        if last is None or last.end() < len(self._text):
            return False
        return self._text.count('"', self._line_starts[0]) % 2 == 1
