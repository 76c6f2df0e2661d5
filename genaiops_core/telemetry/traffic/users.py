"""Usage by user: a list by cost, requests, errors or tokens, and one user day by day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, get_args

import sqlalchemy as sa

from db.tables.telemetry import USAGE_SUMS, request, usage_user_day
from genaiops_core.errors import BadInput
from genaiops_core.telemetry.figures import format_known_usd
from genaiops_core.telemetry.rollups.cells import is_total, subtract_internal
from genaiops_core.telemetry.rollups.usage import DAY_NS, Day, build_request_sums, fetch_marked_days
from genaiops_core.telemetry.time_window import Filters, to_instant

Order = Literal["cost", "requests", "errors", "tokens"]
ORDERS: tuple[Order, ...] = get_args(Order)
MAX_LIMIT = 1_000

_MAX_RANGES = 200
_EPOCH = dt.date(1970, 1, 1)


@dataclass(frozen=True, kw_only=True)
class UserRow:
    """Usage of one user."""

    user_id: str | None
    """None for all traffic without a user id."""
    requests: int
    errors: int
    """Failed requests."""
    calls: int
    unpriced_calls: int
    cost_nano_usd: int
    """Cost of the calls that have a price."""
    input_tokens: int
    output_tokens: int

    @property
    def cost_usd(self) -> str | None:
        """The exact cost as a decimal number, or None when every call is without a price."""
        return format_known_usd(self.cost_nano_usd, self.calls, self.unpriced_calls)

    @property
    def error_rate(self) -> float | None:
        """Failed requests over requests; None without requests."""
        return self.errors / self.requests if self.requests else None

    @classmethod
    def from_row(cls, row: sa.RowMapping | Mapping[str, Any]) -> Self:
        sums = {name: int(row[name] or 0) for name in USAGE_SUMS}
        errors = sums.pop("request_errors")
        del sums["internal_requests"], sums["internal_request_errors"]
        return cls(user_id=row["user_id"] or None, errors=errors, **sums)


@dataclass(frozen=True, kw_only=True)
class UserDay:
    """One day (UTC) of one user; days without traffic are absent."""

    day: dt.date
    figures: UserRow


@dataclass(frozen=True, kw_only=True)
class UserDetail:
    """One user over a window."""

    figures: UserRow
    days: tuple[UserDay, ...]
    applications: tuple[str, ...]
    first: dt.datetime | None
    """Start of the first stored request; None when only sums are stored."""
    last: dt.datetime | None


def list_users(
    connection: sa.Connection, filters: Filters, *, order_by: str = "cost", limit: int = 50
) -> list[UserRow]:
    """The users with the highest cost, requests, errors or tokens, in descending order.

    Closed days are read as stored sums and the others from their requests, so that the result is exact at any time
    and fast at any size. Traffic without a user id is a row of its own.

    Args:
        connection: best a `reading` snapshot.
        filters: the window and the dimensions; `model` is that of the request.
        order_by: one of `ORDERS`.
        limit: rows to return, 1 to `MAX_LIMIT`.

    Raises:
        BadInput: an invalid order or limit.
    """
    if order_by not in ORDERS:
        raise BadInput(f"'{order_by}' is not a valid order of users; use one of {', '.join(ORDERS)}.")
    if not 1 <= limit <= MAX_LIMIT:
        raise BadInput(f"The limit of a list of users is 1 to {MAX_LIMIT}, not {limit}.")
    usage = _read_usage(connection, filters, ("user_id",))
    sums: dict[str, Any] = {name: _sum(usage.c[name]) for name in USAGE_SUMS}
    if is_total(filters):
        sums["requests"] -= sums["internal_requests"]
        sums["request_errors"] -= sums["internal_request_errors"]
    order_column = {
        "cost": sums["cost_nano_usd"],
        "requests": sums["requests"],
        "errors": sums["request_errors"],
        "tokens": sums["input_tokens"] + sums["output_tokens"],
    }[order_by]
    rows = connection.execute(
        sa.select(usage.c.user_id, *[column.label(name) for name, column in sums.items()])
        .group_by(usage.c.user_id)
        .order_by(order_column.desc(), sums["requests"].desc(), usage.c.user_id)
        .limit(limit)
    )
    return [UserRow.from_row(row) for row in rows.mappings()]


def read_user(connection: sa.Connection, filters: Filters, user_id: str) -> UserDetail | None:
    """One user over the window, day by day; None when the window has no data of this user."""
    usage = _read_usage(connection, filters, ("user_id", "day", "application"), user_id)
    rows = connection.execute(sa.select(usage)).mappings().all()
    if not rows:
        return None
    days: dict[int, dict[str, int]] = {}
    total = dict.fromkeys(USAGE_SUMS, 0)
    for row in rows:
        sums_of_day = days.setdefault(int(row["day"]), dict.fromkeys(USAGE_SUMS, 0))
        sums = {name: int(row[name] or 0) for name in USAGE_SUMS}
        if is_total(filters):
            subtract_internal(sums)
        for name in USAGE_SUMS:
            sums_of_day[name] += sums[name]
            total[name] += sums[name]
    scope = [request.c.start_ns >= filters.start_ns, request.c.start_ns < filters.end_ns]
    first, last = connection.execute(
        sa.select(sa.func.min(request.c.start_ns), sa.func.max(request.c.start_ns)).where(
            request.c.user_id == user_id, *scope, *_build_dimension_conditions(request, filters)
        )
    ).one()
    return UserDetail(
        figures=UserRow.from_row({"user_id": user_id, **total}),
        days=tuple(
            UserDay(
                day=_EPOCH + dt.timedelta(days=day),
                figures=UserRow.from_row({"user_id": user_id, **days[day]}),
            )
            for day in sorted(days)
        ),
        applications=tuple(sorted({row["application"] for row in rows})),
        first=None if first is None else to_instant(first),
        last=None if last is None else to_instant(last),
    )


def _read_usage(
    connection: sa.Connection, filters: Filters, keys: tuple[str, ...], user_id: str | None = None
) -> sa.Subquery:
    """Sums by `keys` over the window; a key has one row for each source (closed days, ranges of requests)."""
    first_day, last_day = -(-filters.start_ns // DAY_NS), filters.end_ns // DAY_NS
    open_user_days = (
        fetch_marked_days(connection, first_day, last_day, filters.application)
        if first_day < last_day
        else []
    )
    ranges = list(_list_open_ranges(filters, first_day, last_day, open_user_days))
    selects = []
    if len(ranges) > _MAX_RANGES:
        # With so many open days one pass over all requests is faster than many ranges.
        ranges = [(filters.application, filters.start_ns, filters.end_ns)]
    elif first_day < last_day:
        selects.append(_sum_closed_days(filters, keys, first_day, last_day, open_user_days, user_id))
    selects += [_sum_requests(filters, keys, bounds, user_id) for bounds in ranges]
    return sa.union_all(*selects).subquery() if len(selects) > 1 else selects[0].subquery()


def _list_open_ranges(
    filters: Filters, first_day: int, last_day: int, open_user_days: list[Day]
) -> Iterator[tuple[str | None, int, int]]:
    """(application or None for all, start ns, end ns) of each range that must be read from requests."""
    if first_day >= last_day:
        yield filters.application, filters.start_ns, filters.end_ns
        return
    for start_ns, end_ns in (
        (filters.start_ns, first_day * DAY_NS),
        (last_day * DAY_NS, filters.end_ns),
    ):
        if start_ns < end_ns:
            yield filters.application, start_ns, end_ns
    run: tuple[str, int, int] | None = None
    for application, day in sorted(open_user_days):
        if run is not None and run[0] == application and run[2] == day:
            run = (application, run[1], day + 1)
            continue
        if run is not None:
            yield run[0], run[1] * DAY_NS, run[2] * DAY_NS
        run = (application, day, day + 1)
    if run is not None:
        yield run[0], run[1] * DAY_NS, run[2] * DAY_NS


def _sum_closed_days(
    filters: Filters,
    keys: tuple[str, ...],
    first_day: int,
    last_day: int,
    open_user_days: list[Day],
    user_id: str | None,
) -> sa.Select[Any]:
    usage = usage_user_day.c
    scope = [
        usage.day >= first_day,
        usage.day < last_day,
        *_build_dimension_conditions(usage_user_day, filters),
    ]
    if filters.application is not None:
        scope.append(usage.application == filters.application)
    if user_id is not None:
        scope.append(usage.user_id == user_id)
    if open_user_days:
        scope.append(sa.tuple_(usage.application, usage.day).not_in(open_user_days))
    sums = [_sum(usage[name]).label(name) for name in USAGE_SUMS]
    columns = [usage[name] for name in keys]
    return sa.select(*columns, *sums).where(*scope).group_by(*columns)


def _sum_requests(
    filters: Filters, keys: tuple[str, ...], bounds: tuple[str | None, int, int], user_id: str | None
) -> sa.Select[Any]:
    application, start_ns, end_ns = bounds
    scope = [
        request.c.start_ns >= start_ns,
        request.c.start_ns < end_ns,
        *_build_dimension_conditions(request, filters),
    ]
    if application is not None:
        # Concatenation hides the column from the planner, so that the index of the user serves the query.
        column = request.c.application if user_id is None else request.c.application.concat("")
        scope.append(column == application)
    if user_id is not None:
        scope.append(request.c.user_id == user_id)
    day = request.c.start_ns // sa.literal_column(str(DAY_NS), sa.BigInteger)
    columns = [day if name == "day" else request.c[name] for name in keys]
    labelled = [column.label(name) for name, column in zip(keys, columns, strict=True)]
    return sa.select(*labelled, *build_request_sums()).where(*scope).group_by(*columns)


def _build_dimension_conditions(table: sa.Table, filters: Filters) -> list[sa.ColumnElement[bool]]:
    return [table.c[name] == value for name, value in filters.dimensions.items()]


# PostgreSQL sums bigint to numeric, which the driver returns as Decimal.
def _sum(column: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    return sa.cast(sa.func.sum(column), sa.BigInteger)
