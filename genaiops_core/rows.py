"""Dataclasses built from rows of the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, fields
from functools import cache
from typing import Any, ClassVar, Protocol, TypeVar

import sqlalchemy as sa


class _Dataclass(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


RecordT = TypeVar("RecordT", bound=_Dataclass)


def build_record(record_type: type[RecordT], row: sa.Row[Any] | Mapping[str, Any], **values: Any) -> RecordT:
    """Build a dataclass whose fields are named like the columns of `row`; other columns are ignored.

    Args:
        record_type: a dataclass.
        row: a row, or its mapping.
        values: fields that are not a copy of their column, such as a tuple of a JSON list.

    Raises:
        KeyError: a field has neither a column nor a value, even if the field has a default.
    """
    columns = row if isinstance(row, Mapping) else row._mapping
    copies = {name: columns[name] for name in _field_names(record_type) if name not in values}
    return record_type(**copies, **values)


# Called for each row of a page; the fields of a class never change.
@cache
def _field_names(record_type: type[_Dataclass]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(record_type) if field.init)
