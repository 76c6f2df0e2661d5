"""Importing price overrides from a file: JSON {model: [input, output]} or CSV, USD per million tokens."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from db.tables.telemetry import price
from db.transaction import insert, writing
from genaiops_core import saved_settings
from genaiops_core.access import audit
from genaiops_core.errors import BadInput
from genaiops_core.pricing.prices import VERSION_SETTING
from genaiops_core.pricing.rates import NANO

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
CSV_COLUMNS = (
    "model",
    "provider",
    "region",
    "tier",
    "valid_from",
    "input",
    "output",
    "cache_read",
    "cache_write",
)
_HIGHEST_USD_PER_MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Price:
    """One override; rates in nano-USD per million tokens, None for a cache rate equal to the input rate."""

    model: str
    input_nano_usd_per_million: int
    output_nano_usd_per_million: int
    provider: str = ""
    region: str = ""
    tier: str = ""
    valid_from: dt.datetime = EPOCH
    cache_read_nano_usd_per_million: int | None = None
    cache_write_nano_usd_per_million: int | None = None


@dataclass(frozen=True, kw_only=True)
class PricesImported:
    """What an import of prices did; `special` counts prices of one region or tier."""

    prices: int
    models: int
    special: int


def import_prices(
    engine: sa.Engine, *, actor: str, prices: Sequence[Price], source: str, reason: str = ""
) -> PricesImported:
    """Store `prices`, replacing those of the same model, provider, region, tier and start.

    They apply to calls that arrive later; the cost of stored calls does not change.

    Args:
        engine: the database.
        actor: for the audit log.
        prices: see `read_prices`.
        source: a file name, for the audit log.
        reason: for the audit log.
    """
    rows = [price_row(item) for item in _distinct(prices)]
    changed = [column.name for column in price.columns if column.name.endswith("_million")]
    with writing(engine) as connection:
        upsert = insert(connection, price)
        if rows:
            connection.execute(
                upsert.on_conflict_do_update(
                    index_elements=list(price.primary_key),
                    set_={name: upsert.excluded[name] for name in changed},
                ),
                rows,
            )
        # In this transaction: a process that sees the new version also reads the new prices.
        _mark_change(connection)
        models = {row["model"] for row in rows}
        audit.record(
            connection,
            actor=actor,
            action="price.import",
            subject=source,
            reason=reason,
            after={"prices": len(rows), "models": sorted(models)[:100]},
        )
    special = sum(1 for row in rows if row["region"] or row["tier"])
    return PricesImported(prices=len(rows), models=len(models), special=special)


def read_prices(data: bytes, filename: str) -> list[Price]:
    """Parse a price file.

    Args:
        data: the file: a JSON object {model: [input, output]} or CSV with the columns of `CSV_COLUMNS`, of which only
            model, input and output are needed; USD per million tokens.
        filename: for error messages; a file ending in `.csv` is read as CSV.

    Raises:
        BadInput: the file is neither; the message has the model or line.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(f"{filename} is not UTF-8 text.") from error
    if filename.lower().endswith(".csv") or not text.lstrip().startswith("{"):
        return _read_csv(text, filename)
    return _read_json(text, filename)


def price_row(item: Price) -> dict[str, Any]:
    """The database row of `item`."""
    return {column.name: getattr(item, column.name) for column in price.columns}


def _read_json(text: str, filename: str) -> list[Price]:
    try:
        # Not orjson: a price must not pass through a binary fraction.
        document = json.loads(text, parse_float=Decimal)
    except json.JSONDecodeError as error:
        raise BadInput(f"{filename} is not JSON: {error}") from error
    prices = []
    for model, sent in document.items():
        if not isinstance(sent, list) or len(sent) != 2:
            raise BadInput(
                f"{filename}: {model!r} must be a list of two prices, [input, output] in USD per million tokens."
            )
        where = f"{filename}, model {model!r}"
        prices.append(
            Price(
                model=_name(model, where, "model", 300),
                input_nano_usd_per_million=_nano(sent[0], where, "input"),
                output_nano_usd_per_million=_nano(sent[1], where, "output"),
            )
        )
    return prices


def _read_csv(text: str, filename: str) -> list[Price]:
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    columns = [(name or "").strip() for name in reader.fieldnames or ()]
    missing = [name for name in ("model", "input", "output") if name not in columns]
    if missing:
        raise BadInput(
            f"{filename} lacks the column {', '.join(missing)}; it needs {', '.join(CSV_COLUMNS)}, "
            "of which only model, input and output must be filled."
        )
    reader.fieldnames = columns
    prices = []
    for row in reader:
        where = f"{filename}, line {reader.line_num}"
        values = {name: (row.get(name) or "").strip() for name in CSV_COLUMNS}
        if not any(values.values()):
            continue
        if not values["model"]:
            raise BadInput(f"{where}: the model is missing.")
        prices.append(
            Price(
                model=_name(values["model"], where, "model", 300),
                provider=_name(values["provider"], where, "provider", 100),
                region=_name(values["region"], where, "region", 60),
                tier=_name(values["tier"], where, "tier", 60),
                valid_from=_instant(values["valid_from"], where),
                input_nano_usd_per_million=_nano(values["input"], where, "input"),
                output_nano_usd_per_million=_nano(values["output"], where, "output"),
                cache_read_nano_usd_per_million=_optional_nano(values["cache_read"], where, "cache_read"),
                cache_write_nano_usd_per_million=_optional_nano(values["cache_write"], where, "cache_write"),
            )
        )
    return prices


def _name(value: str, where: str, field: str, limit: int) -> str:
    if len(value) > limit or "\x00" in value:
        raise BadInput(f"{where}: {field} must be at most {limit} characters without NUL.")
    return value


def _nano(value: object, where: str, field: str) -> int:
    try:
        if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
            raise InvalidOperation
        usd = Decimal(value)
        if not usd.is_finite() or not 0 <= usd <= _HIGHEST_USD_PER_MILLION:
            raise InvalidOperation
    except InvalidOperation as error:
        raise BadInput(
            f"{where}: {field} is {value!r} but must be a price in USD per million tokens, from 0 to a million."
        ) from error
    # Nano-USD is the smallest unit: digits beyond the ninth decimal place are rounded.
    return round(usd * NANO)


def _optional_nano(value: str, where: str, field: str) -> int | None:
    return _nano(value, where, field) if value else None


def _instant(value: str, where: str) -> dt.datetime:
    if not value:
        return EPOCH
    try:
        instant = dt.datetime.fromisoformat(value)
    except ValueError as error:
        raise BadInput(f"{where}: valid_from is {value!r} but must be a date such as 2026-01-31.") from error
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)


def _distinct(prices: Sequence[Price]) -> list[Price]:
    """The last of each key, sorted: one statement may not change a row twice, and sorted writers do not deadlock."""
    by_key = {(p.model, p.provider, p.region, p.tier, p.valid_from.astimezone(dt.UTC)): p for p in prices}
    return [by_key[key] for key in sorted(by_key)]


def _mark_change(connection: sa.Connection) -> None:
    # Random and not counted, because two concurrent imports must not get the same number.
    saved_settings.write(connection, VERSION_SETTING, {"version": uuid.uuid4().hex})
