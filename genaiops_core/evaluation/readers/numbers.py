"""Lists of line and row numbers in messages."""

from __future__ import annotations

from collections.abc import Iterable

_MAX_RANGES = 10


def list_line_numbers(numbers: Iterable[int]) -> str:
    """List line numbers: 'line 3', 'lines 3, 5-9'."""
    return _list_numbers(numbers, "line")


def list_row_numbers(numbers: Iterable[int]) -> str:
    """List row numbers: 'row 3', 'rows 3, 5-9'."""
    return _list_numbers(numbers, "row")


def _list_numbers(numbers: Iterable[int], noun: str) -> str:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    texts = [str(first) if first == last else f"{first}-{last}" for first, last in ranges[:_MAX_RANGES]]
    more = f" and {len(ranges) - _MAX_RANGES} other places" if len(ranges) > _MAX_RANGES else ""
    is_single = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    return f"{noun if is_single else noun + 's'} {', '.join(texts)}{more}"
