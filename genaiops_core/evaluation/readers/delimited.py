"""Reader of CSV and other delimited text: finds the delimiter, supports multi-line cells, skips unclosed quotes."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.readers.headers import LOOK_AHEAD, build_table, count_titles, is_known_name
from genaiops_core.evaluation.readers.tables import MAX_CELL_CHARACTERS, MAX_COLUMNS, Table, require_columns

DELIMITERS = (",", ";", "\t", "|", "~", "^")
_NO_DELIMITER = "\x1f"
"""Never occurs in text: used for a file of one column whose sentences contain commas."""

_SAMPLE_CHARACTERS = 65_536
MAX_LINE_CHARACTERS = 50_000_000
"""More than two of the longest cells, or one whose every character is a doubled quote."""

_MAX_RECOVERIES = 20
"""Maximum number of rows with an unclosed quote that are skipped."""

# Possessive quantifiers match a line without a line end in linear time.
_LINE = re.compile(r"[^\r\n]*+(?:\r\n|\r|\n)|[^\r\n]++\Z")
_SEPARATOR_LINE = re.compile(r"\ufeff?\"?sep=(.)\"?\r?\n", re.IGNORECASE)
"""Excel's line above the header that declares the delimiter."""

_QUOTE_IN_SLASH = re.compile(r'(?<=[^\\,;\t|~^])\\"(?=[^,;\t|~^\r\n])')
_DOUBLED_QUOTE = re.compile(r'(?<=[^,;\t|~^\r\n"])""|""(?=[^,;\t|~^\r\n"])')

_CLOSED_CELL = re.compile(r'"(?:[^"]|"")*+"')
_NEEDLESSLY_QUOTED = re.compile(r'"[^",]*"')

# The default limit of the csv module, 128 KB per cell, is shorter than real contexts. It is global to the process.
csv.field_size_limit(MAX_CELL_CHARACTERS)


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a file separates and quotes its cells."""

    delimiter: str
    escapes: bool = False
    r"""Quotes within a quoted cell are written \" instead of ""."""
    is_literal: bool = False
    """Quotes are text, as Google Sheets writes tab-separated values."""


def read_delimited(
    text: str, filename: str, delimiter: str | None = None, max_rows: int | None = None
) -> Table:
    """Read delimited text; titles above the header are skipped.

    Args:
        text: the decoded file.
        filename: named in errors.
        delimiter: one character; None detects it.
        max_rows: number of rows to read; None for all.

    Raises:
        BadInput: the file is empty, or has too many columns or rows.
    """
    start = 0
    if separator_line := _SEPARATOR_LINE.match(text):
        delimiter, start = separator_line.group(1), separator_line.end()
    sample = text[start : start + _SAMPLE_CHARACTERS]
    # If a sample has both escapes, the backslashes are text.
    delimiter = find_delimiter(sample) if delimiter is None else delimiter
    dialect = Dialect(
        delimiter=delimiter,
        is_literal=delimiter == "\t" and has_literal_quotes(sample),
        escapes=bool(_QUOTE_IN_SLASH.search(sample)) and not _DOUBLED_QUOTE.search(sample),
    )
    _refuse_too_many_columns(text, start, dialect.delimiter, filename)
    reader = _RecordReader(text, dialect, start=start)
    table = build_table(_report_csv_errors(iter(reader), filename), filename, max_rows)
    for number in reader.unclosed:
        table.reject(number, "", "a quote is never closed; the row is excluded")
    return table


def _refuse_too_many_columns(text: str, start: int, delimiter: str, filename: str) -> None:
    """Count the columns before any row is parsed: a header without quotes has one column more than delimiters."""
    end = text.find("\n", start)
    end = len(text) if end < 0 else end
    delimiters = text.count(delimiter, start, end)
    if delimiters > MAX_COLUMNS and text.find('"', start, end) < 0:
        require_columns(delimiters + 1, filename)


def find_delimiter(sample: str) -> str:
    """Find the delimiter that splits the header and, most consistently, the rows of `sample`."""
    best, best_score = _NO_DELIMITER, (0.0, 0)
    for candidate in DELIMITERS:
        score = _rate_agreement(sample, candidate)
        if score > best_score:
            best, best_score = candidate, score
    return best if best != _NO_DELIMITER else _find_rare_delimiter(sample)


def has_literal_quotes(sample: str) -> bool:
    """Whether the quotes of tab-separated text are part of the text.

    No quoted cell contains a tab or a line end, and one is not closed at its end, or is quoted without need in a file that
    does not quote its headings.
    """
    lines = [line.split("\t") for line in sample.splitlines() if line.strip()]
    if len(sample) >= _SAMPLE_CHARACTERS:
        lines.pop()
    if len(lines) < 2 or any(len(cells) != len(lines[0]) for cells in lines):
        return False
    quoted = [cell for cells in lines for cell in cells if cell.startswith('"')]
    if any(not _CLOSED_CELL.fullmatch(cell) for cell in quoted):
        return True
    if any(cell.startswith('"') for cell in lines[0]):
        return False
    return any(_NEEDLESSLY_QUOTED.fullmatch(cell) for cell in quoted)


def _find_rare_delimiter(sample: str) -> str:
    """Find another character that separates known names in the header and splits every row into as many cells."""
    header = next((line for line in sample.splitlines() if line.strip()), "")
    for candidate in dict.fromkeys(header):
        is_text = candidate.isalnum() or candidate in " _-.\"'()[]{}\\"
        if is_text or sum(is_known_name(part) for part in header.split(candidate)) < 2:
            continue
        if _rate_agreement(sample, candidate)[0] == 1:
            return candidate
    return _NO_DELIMITER


def _rate_agreement(sample: str, candidate: str) -> tuple[float, int]:
    """Rate a delimiter: share of rows with as many cells as the header, and that number; (0, 0) when it splits nothing."""
    reader = csv.reader(_iterate_lines(sample), delimiter=candidate, skipinitialspace=candidate != "\t")
    rows = [row for row in islice(reader, 200) if any(cell.strip() for cell in row)]
    counts = [len(row) for row in rows]
    if len(counts) > 2:
        counts.pop()  # the sample may end inside a row
    titles = count_titles(rows[:LOOK_AHEAD]) if rows else 0
    # Sentences in a single column contain commas too, so only known names make a comma-separated header.
    if titles and (candidate != "," or any(is_known_name(cell) for cell in rows[titles])):
        counts = counts[titles:]
    if not counts or counts[0] < 2:
        return 0.0, 0
    return Counter(counts)[counts[0]] / len(counts), counts[0]


def _report_csv_errors(
    records: Iterator[tuple[int, list[str]]], filename: str
) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from records
    except csv.Error as error:
        if "field limit" in str(error):
            raise BadInput(
                f"{filename} has a cell or a line of more than {MAX_CELL_CHARACTERS:,} characters; check for a missing "
                "quote, and that the file is a table."
            ) from error
        raise BadInput(f"{filename} cannot be read as a table: {error}.") from error


def _iterate_lines(text: str, start: int = 0) -> Iterator[str]:
    """Iterate over lines with their line ends; csv preserves those inside quotes and accepts all three kinds."""
    return (_read_line(line) for line in _LINE.finditer(text, start))


def _read_line(line: re.Match[str]) -> str:
    """Read the text of a line; one that is too long is refused before it is copied."""
    if line.end() - line.start() > MAX_LINE_CHARACTERS:
        raise csv.Error("field limit")
    return line.group()


class _RecordReader:
    """Iterates over numbered records, without blank lines; `unclosed` lists rows whose quote never closes."""

    def __init__(self, text: str, dialect: Dialect, *, start: int) -> None:
        self._text = text
        self._start = start
        self._dialect = dialect
        self._line_starts: list[int] = []  # positions of the lines of the current record
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
                    # Reading goes on at the second line of the broken record: the lines behind it are intact.
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
        if self._dialect.is_literal:
            return csv.reader(lines, delimiter=self._dialect.delimiter, quoting=csv.QUOTE_NONE)
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
        """Whether the last record extends to the end of the file because its quote never closes."""
        if len(self._line_starts) < 2 or len(self.unclosed) >= _MAX_RECOVERIES:
            return False
        last = _LINE.match(self._text, self._line_starts[-1])
        if last is None or last.end() < len(self._text):
            return False
        return self._text.count('"', self._line_starts[0]) % 2 == 1
