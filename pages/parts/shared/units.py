"""Formats figures for screens. A missing value is an em dash, never 0."""

from __future__ import annotations

import datetime as dt
import re

NO_DATA = "—"
"""Stands for a value that was not measured."""
NO_DATA_HELP = "No data"
NOT_SET = "(not set)"
"""Stands for a name or an attribute that the telemetry does not carry."""
NANO_PER_USD = 1_000_000_000

_MARKDOWN = re.compile(r"([\\`*_\[\]~$:<>|#])")


def escape_markdown(text: object) -> str:
    """Text from outside, safe in elements that render Markdown: it cannot become a link, image, icon or colour."""
    # The word joiner is invisible; it prevents that an address becomes a link.
    return _MARKDOWN.sub(r"\\\1", str(text)).replace("//", "/\u2060/").replace("www.", "www\u2060.")


def format_count(value: float | None) -> str:
    """A count: 950, 4,812, 128k, 2.4M."""
    if value is None:
        return NO_DATA
    if abs(value) >= 10_000_000:
        return f"{value / 1_000_000:,.0f}M"
    if abs(value) >= 1_000_000:
        return f"{value / 1_000_000:.1f}M"
    if abs(value) >= 100_000:
        return f"{value / 1_000:.0f}k"
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:.1f}"


def format_quantity(number: int, singular: str, plural: str | None = None) -> str:
    """A count with its noun: `1 dataset`, `2,049 test cases`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def format_usd(nano: float | None) -> str:
    """Nano-USD as dollars; the smaller the amount, the more decimals."""
    if nano is None:
        return NO_DATA
    dollars = nano / NANO_PER_USD
    if dollars == 0:
        return "$0"
    sign, size = ("-" if dollars < 0 else ""), abs(dollars)
    decimals = 2 if size >= 1 else 3 if size >= 0.1 else 4 if size >= 0.01 else 6
    return f"{sign}${size:,.{decimals}f}"


def format_cost(nano: float | None, unpriced_calls: int) -> str:
    """A sum of costs, which is a lower bound when calls in it have no price."""
    amount = format_usd(nano)
    return f"at least {amount}" if unpriced_calls and nano is not None else amount


def format_duration(milliseconds: float | None) -> str:
    """A latency: 840 ms, 1.84 s, 2.5 min."""
    if milliseconds is None:
        return NO_DATA
    if abs(milliseconds) >= 120_000:
        return f"{milliseconds / 60_000:.1f} min"
    if abs(milliseconds) >= 1_000:
        return f"{milliseconds / 1_000:.2f} s"
    return f"{milliseconds:.0f} ms" if abs(milliseconds) >= 10 else f"{milliseconds:.1f} ms"


def format_share(fraction: float | None, *, decimals: int = 2) -> str:
    """A fraction of 1 as a percentage: 0.42%."""
    return NO_DATA if fraction is None else f"{fraction * 100:.{decimals}f}%"


def format_score(value: float | None) -> str:
    """A quality score in [0, 1]: 0.934."""
    return NO_DATA if value is None else f"{value:.3f}"


def format_age(at: dt.datetime | None, now: dt.datetime) -> str:
    """The age of an instant: 4 s ago, 22 min ago, 3 h ago, 11 days ago."""
    if at is None:
        return NO_DATA
    seconds = max(0, int((now - at).total_seconds()))
    if seconds < 90:
        return f"{seconds} s ago"
    if seconds < 5_400:
        return f"{seconds // 60} min ago"
    return f"{seconds // 3_600} h ago" if seconds < 129_600 else f"{seconds // 86_400} days ago"


def format_instant(at: dt.datetime | None) -> str:
    """An instant in UTC, to the second."""
    return NO_DATA if at is None else at.astimezone(dt.UTC).strftime("%d %b %Y %H:%M:%S UTC")


def format_relative_change(now: float | None, before: float | None) -> str | None:
    """`+6.2%` relative to the previous window; None without a value or a change to show."""
    if now is None or not before:
        return None
    change = (now - before) / before * 100
    if change >= 900:
        return f"+{change / 100:.0f}×"
    return f"{change:+.1f}%" if abs(change) >= 0.05 else None


def format_point_change(now: float | None, before: float | None) -> str | None:
    """The change of a percentage, in percentage points: `+0.08 pp`."""
    if now is None or before is None:
        return None
    change = (now - before) * 100
    return f"{change:+.2f} pp" if abs(change) >= 0.005 else None


def format_score_change(now: float | None, before: float | None) -> str | None:
    """The change of a score in [0, 1]: `-0.006`."""
    if now is None or before is None or abs(now - before) < 0.0005:
        return None
    return f"{now - before:+.3f}"


def format_duration_change(now: float | None, before: float | None) -> str | None:
    """The change of a latency: `+140 ms`."""
    if now is None or before is None or abs(now - before) < 0.5:
        return None
    change = now - before
    return f"{change / 1_000:+.2f} s" if abs(change) >= 1_000 else f"{change:+.0f} ms"
