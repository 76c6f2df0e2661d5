"""Rubrics that people write: saved as immutable versions, listed, and given to the judges of a run.

A run keeps a copy of each rubric it uses (`Rubric.as_json` in its `judge_options.rubrics`), so that a later version changes
no result.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from db.tables.evaluations import rubric as table
from db.transaction import insert, writing
from genaiops_core.access import audit
from genaiops_core.clock import now
from genaiops_core.errors import BadInput, Conflict, NotFound
from genaiops_core.evaluation import metrics
from genaiops_core.evaluation.metrics.builtin_rubrics import BUILTIN
from genaiops_core.evaluation.metrics.code import NAME
from genaiops_core.evaluation.metrics.rubric import PLACEHOLDERS, Label, Rubric
from genaiops_core.evaluation.readers.encodings import replace_unstorable

MOST_PROMPT_CHARACTERS = 20_000
MOST_TEXT_CHARACTERS = 200
MOST_MEANING_CHARACTERS = 1_000
FEWEST_LABELS, MOST_LABELS = 2, 10

_IN_BRACES = re.compile(r"\{([A-Za-z_]+)\}")


@dataclass(frozen=True, kw_only=True)
class SavedRubric:
    """A version of a rubric, and who saved it when."""

    rubric: Rubric
    created_by: str
    created_at: dt.datetime


def save(
    engine: sa.Engine,
    *,
    actor: str,
    name: str,
    prompt: str,
    scale: Sequence[Mapping[str, Any]],
    title: str = "",
    reason: str = "",
) -> SavedRubric:
    """Keep a rubric as the next version of its name; one that is the same as the newest changes nothing.

    Args:
        engine: database.
        actor: who saves it.
        name: of the metric; small letters, digits, underscores.
        prompt: what the model is asked, with {input}, {answer}, {contexts}, {reference} where the texts go.
        scale: 2 to 10 of {"label": text, "value": 0 to 1, "meaning": text}, in their order.
        title: for people; '' makes one of the name.
        reason: for the audit log.

    Raises:
        BadInput: something cannot be used; the sentence names the field.
        Conflict: somebody else saved a version at the same moment.
    """
    wanted = _checked(name, title, prompt, scale)
    with writing(engine) as connection:
        before = next(iter(list_rubrics(connection, wanted.name)), None)
        if before is not None and _content(before.rubric) == _content(wanted):
            return before
        version = 1 + (before.rubric.version if before else 0)
        saved = SavedRubric(
            rubric=Rubric(**{**vars(wanted), "version": version}), created_by=actor, created_at=now()
        )
        values = {
            **{
                field: saved.rubric.as_json()[field]
                for field in ("name", "version", "title", "prompt", "scale", "needs")
            },
            "created_by": actor,
            "created_at": saved.created_at,
        }
        statement = (
            insert(connection, table).values(**values).on_conflict_do_nothing().returning(table.c.version)
        )
        if connection.execute(statement).first() is None:
            raise Conflict(
                f"Somebody else saved a version of rubric '{wanted.name}' just now; save yours again."
            )
        audit.record(
            connection,
            actor=actor,
            action="rubric.save",
            subject=f"{wanted.name}@{version}",
            reason=reason,
            before={"version": before.rubric.version} if before else None,
            after={"version": version, **_content(saved.rubric)},
        )
    return saved


def list_rubrics(connection: sa.Connection, name: str | None = None) -> list[SavedRubric]:
    """Versions by name, the newest of a name first; the built-in ones are not among them."""
    query = sa.select(table).order_by(table.c.name, table.c.version.desc())
    if name is not None:
        query = query.where(table.c.name == name)
    return [_from_row(row) for row in connection.execute(query)]


def newest(connection: sa.Connection) -> list[Rubric]:
    """The newest version of each saved rubric."""
    found: dict[str, Rubric] = {}
    for saved in list_rubrics(connection):
        found.setdefault(saved.rubric.name, saved.rubric)
    return list(found.values())


def used_by(connection: sa.Connection, chosen: Iterable[str]) -> list[Rubric]:
    """The newest versions of the saved rubrics among some metrics: what a run of these has to keep."""
    names = set(chosen)
    return [one for one in newest(connection) if one.name in names]


def get(connection: sa.Connection, name: str, version: int | None = None) -> Rubric:
    """One version of a rubric, the newest when None; also of the built-in ones.

    Raises:
        NotFound: there is none.
    """
    known = [one for one in BUILTIN if one.name == name] or [
        saved.rubric for saved in list_rubrics(connection, name)
    ]
    found = next((one for one in known if version in (None, one.version)), None)
    if found is None:
        have = ", ".join(f"{name}@{one.version}" for one in reversed(known))
        asked = name if version is None else f"{name}@{version}"
        raise NotFound(
            f"There is no rubric {asked}; " + (f"there are {have}." if have else "save one first.")
        )
    return found


def _checked(name: str, title: str, prompt: str, scale: Sequence[Mapping[str, Any]]) -> Rubric:
    name, prompt = _text("name", name), _text("prompt", prompt, MOST_PROMPT_CHARACTERS)
    if not NAME.fullmatch(name):
        raise BadInput(
            f"The name '{name[:80]}' of a rubric must be of small letters, digits and underscores, 64 at most, "
            "and begin with a letter."
        )
    if metrics.find(metrics.canonical(name)) is not None:
        raise BadInput(f"The name '{name}' is that of a metric which is there already; choose another.")
    named = _IN_BRACES.findall(prompt)
    unknown = next((one for one in named if one not in PLACEHOLDERS), None)
    if unknown is not None:
        known = ", ".join(f"{{{one}}}" for one in PLACEHOLDERS)
        raise BadInput(f"The prompt names {{{unknown}}}, which no case has; it may name {known}.")
    if not named:
        raise BadInput("The prompt names no text of the case; put {answer} or {input} where the text goes.")
    return Rubric(
        name=name,
        version=0,
        title=_text("title", title) if str(title).strip() else name.replace("_", " ").capitalize(),
        prompt=prompt,
        scale=_scale(scale),
        needs=tuple(one for one in PLACEHOLDERS if one in named and one != "input"),
    )


def _scale(scale: Sequence[Mapping[str, Any]]) -> tuple[Label, ...]:
    if isinstance(scale, str | Mapping) or not isinstance(scale, Sequence):
        raise BadInput("The scale must be a list of {label, value, meaning}.")
    if not FEWEST_LABELS <= len(scale) <= MOST_LABELS:
        raise BadInput(f"The scale must have {FEWEST_LABELS} to {MOST_LABELS} labels, not {len(scale)}.")
    labels = tuple(_label(number, one) for number, one in enumerate(scale, 1))
    seen: set[str] = set()
    for one in labels:
        if one.label.casefold() in seen:
            raise BadInput(f"The label '{one.label}' stands twice on the scale.")
        seen.add(one.label.casefold())
    if len({one.value for one in labels}) == 1:
        raise BadInput(
            "All labels of the scale have the same value; give the best one 1 and the worst one 0."
        )
    return labels


def _label(number: int, given: Any) -> Label:
    where = f"Label {number} of the scale"
    if not isinstance(given, Mapping):
        raise BadInput(f"{where} must be {{label, value, meaning}}.")
    surplus = next((key for key in given if key not in ("label", "value", "meaning")), None)
    if surplus is not None:
        raise BadInput(f"{where} has '{surplus}'; it may have label, value and meaning.")
    value = given.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadInput(f"{where} must have a value from 0 to 1, not {str(value)[:40]}.")
    meaning = given.get("meaning") or ""
    return Label(
        label=_text(f"label of label {number}", given.get("label")),
        value=float(value),
        meaning=_text(f"meaning of label {number}", meaning, MOST_MEANING_CHARACTERS) if meaning else "",
    )


def _text(field: str, given: Any, most: int = MOST_TEXT_CHARACTERS) -> str:
    if not isinstance(given, str) or not given.strip():
        # YAML reads yes, no and 1 as something else than text.
        hint = (
            f", not {given!r}; put it in quotes" if given is not None and not isinstance(given, str) else ""
        )
        raise BadInput(f"The {field} of a rubric must be a text that is not empty{hint}.")
    if len(given) > most:
        raise BadInput(f"The {field} of a rubric has {len(given):,} characters; at most {most:,} are kept.")
    return replace_unstorable(given.strip())


def _content(rubric: Rubric) -> dict[str, Any]:
    kept = rubric.as_json()
    return {field: kept[field] for field in ("title", "prompt", "scale")}


def _from_row(row: sa.Row[Any]) -> SavedRubric:
    rubric = Rubric(
        name=row.name,
        version=row.version,
        title=row.title,
        prompt=row.prompt,
        scale=tuple(Label(**one) for one in row.scale),
        needs=tuple(row.needs),
    )
    return SavedRubric(rubric=rubric, created_by=row.created_by, created_at=row.created_at)
