"""Rubrics that users write: saved as immutable versions, listed, and used by the judges of an evaluation.

An evaluation stores a copy of each rubric it uses (`Rubric.as_json` in its `judge_options.rubrics`), so that a later
version changes no result.
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

MAX_PROMPT_CHARACTERS = 20_000
MAX_TEXT_CHARACTERS = 200
MAX_MEANING_CHARACTERS = 1_000
MIN_LABELS, MAX_LABELS = 2, 10

_PLACEHOLDER = re.compile(r"\{([A-Za-z_]+)\}")


@dataclass(frozen=True, kw_only=True)
class SavedRubric:
    """A version of a rubric, with its author and time."""

    rubric: Rubric
    created_by: str
    created_at: dt.datetime


def save_rubric(
    engine: sa.Engine,
    *,
    actor: str,
    name: str,
    prompt: str,
    scale: Sequence[Mapping[str, Any]],
    title: str = "",
    reason: str = "",
) -> SavedRubric:
    """Save a rubric as the next version of its name; a rubric equal to the newest version is not saved again.

    Args:
        engine: the database.
        actor: for the audit log.
        name: of the metric; lower-case letters, digits, underscores.
        prompt: instructions for the model, with {input}, {answer}, {contexts}, {reference} for the texts.
        scale: 2 to 10 of {"label": text, "value": 0 to 1, "meaning": text}, in order.
        title: shown on screens; '' derives it from the name.
        reason: for the audit log.

    Raises:
        BadInput: a field is invalid.
        Conflict: another version was saved concurrently.
    """
    new_rubric = _validate_rubric(name, title, prompt, scale)
    with writing(engine) as connection:
        newest_rubric = next(iter(list_rubrics(connection, new_rubric.name)), None)
        if newest_rubric is not None and _extract_content(newest_rubric.rubric) == _extract_content(
            new_rubric
        ):
            return newest_rubric
        version = 1 + (newest_rubric.rubric.version if newest_rubric else 0)
        saved = SavedRubric(
            rubric=Rubric(**{**vars(new_rubric), "version": version}), created_by=actor, created_at=now()
        )
        values = {
            **{
                field: saved.rubric.as_json()[field]
                for field in ("name", "version", "title", "prompt", "scale", "needs")
            },
            "created_by": actor,
            "created_at": saved.created_at,
        }
        # The primary key (name, version) detects a concurrent save.
        statement = (
            insert(connection, table).values(**values).on_conflict_do_nothing().returning(table.c.version)
        )
        if connection.execute(statement).first() is None:
            raise Conflict(
                f"Another version of rubric '{new_rubric.name}' was saved at the same time; save yours again."
            )
        audit.record(
            connection,
            actor=actor,
            action="rubric.save",
            subject=f"{new_rubric.name}@{version}",
            reason=reason,
            before={"version": newest_rubric.rubric.version} if newest_rubric else None,
            after={"version": version, **_extract_content(saved.rubric)},
        )
    return saved


def list_rubrics(connection: sa.Connection, name: str | None = None) -> list[SavedRubric]:
    """List versions by name, the newest of a name first, without the built-in rubrics."""
    query = sa.select(table).order_by(table.c.name, table.c.version.desc())
    if name is not None:
        query = query.where(table.c.name == name)
    return [_build_saved_rubric(row) for row in connection.execute(query)]


def list_newest_rubrics(connection: sa.Connection) -> list[Rubric]:
    """List the newest version of each saved rubric."""
    newest_by_name: dict[str, Rubric] = {}
    for saved in list_rubrics(connection):
        # The newest version of a name comes first.
        newest_by_name.setdefault(saved.rubric.name, saved.rubric)
    return list(newest_by_name.values())


def select_newest_rubrics(connection: sa.Connection, metric_names: Iterable[str]) -> list[Rubric]:
    """Select the newest versions of the saved rubrics among some metrics, for an evaluation of these metrics."""
    names = set(metric_names)
    return [rubric for rubric in list_newest_rubrics(connection) if rubric.name in names]


def get_rubric(connection: sa.Connection, name: str, version: int | None = None) -> Rubric:
    """Read one version of a saved or built-in rubric; None means the newest.

    Raises:
        NotFound: the rubric or version does not exist.
    """
    versions = [rubric for rubric in BUILTIN if rubric.name == name] or [
        saved.rubric for saved in list_rubrics(connection, name)
    ]
    match = next((rubric for rubric in versions if version in (None, rubric.version)), None)
    if match is None:
        listed_versions = ", ".join(f"{name}@{rubric.version}" for rubric in reversed(versions))
        requested = name if version is None else f"{name}@{version}"
        raise NotFound(
            f"Rubric {requested} does not exist; "
            + (f"its versions are {listed_versions}." if listed_versions else "save a rubric first.")
        )
    return match


def _validate_rubric(name: str, title: str, prompt: str, scale: Sequence[Mapping[str, Any]]) -> Rubric:
    name, prompt = _validate_text("name", name), _validate_text("prompt", prompt, MAX_PROMPT_CHARACTERS)
    if not NAME.fullmatch(name):
        raise BadInput(
            f"The name '{name[:80]}' of a rubric must consist of at most 64 lower-case letters, digits and underscores, "
            "and start with a letter."
        )
    # Saved rubrics are not passed, so only names of built-in and installed metrics are rejected.
    if metrics.lookup_metric(metrics.normalise_name(name)) is not None:
        raise BadInput(f"A metric named '{name}' already exists; choose another name.")
    placeholders = _PLACEHOLDER.findall(prompt)
    unknown = next((placeholder for placeholder in placeholders if placeholder not in PLACEHOLDERS), None)
    if unknown is not None:
        known = ", ".join(f"{{{placeholder}}}" for placeholder in PLACEHOLDERS)
        raise BadInput(f"The prompt contains {{{unknown}}}, which is not a field of a case; use {known}.")
    if not placeholders:
        raise BadInput("The prompt contains no text of the case; add {answer} or {input}.")
    return Rubric(
        name=name,
        version=0,
        title=_validate_text("title", title) if str(title).strip() else name.replace("_", " ").capitalize(),
        prompt=prompt,
        scale=_validate_scale(scale),
        needs=tuple(
            placeholder
            for placeholder in PLACEHOLDERS
            if placeholder in placeholders and placeholder != "input"
        ),
    )


def _validate_scale(scale: Sequence[Mapping[str, Any]]) -> tuple[Label, ...]:
    if isinstance(scale, str | Mapping) or not isinstance(scale, Sequence):
        raise BadInput("The scale must be a list of {label, value, meaning}.")
    if not MIN_LABELS <= len(scale) <= MAX_LABELS:
        raise BadInput(f"The scale must have {MIN_LABELS} to {MAX_LABELS} labels, not {len(scale)}.")
    labels = tuple(_validate_label(number, label) for number, label in enumerate(scale, 1))
    seen_labels: set[str] = set()
    for label in labels:
        if label.label.casefold() in seen_labels:
            raise BadInput(f"The scale has two labels named '{label.label}'; rename one of them.")
        seen_labels.add(label.label.casefold())
    # A constant score would pass or fail every gate.
    if len({label.value for label in labels}) == 1:
        raise BadInput(
            "All labels of the scale have the same value; set the best label to 1 and the worst to 0."
        )
    return labels


def _validate_label(number: int, label: Any) -> Label:
    position = f"Label {number} of the scale"
    if not isinstance(label, Mapping):
        raise BadInput(f"{position} must be {{label, value, meaning}}.")
    unknown_key = next((key for key in label if key not in ("label", "value", "meaning")), None)
    if unknown_key is not None:
        raise BadInput(f"{position} has '{unknown_key}'; it may have label, value and meaning.")
    value = label.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise BadInput(f"{position} must have a value from 0 to 1, not {str(value)[:40]}.")
    meaning = label.get("meaning") or ""
    return Label(
        label=_validate_text(f"label of label {number}", label.get("label")),
        value=float(value),
        meaning=_validate_text(f"meaning of label {number}", meaning, MAX_MEANING_CHARACTERS)
        if meaning
        else "",
    )


def _validate_text(field: str, value: Any, max_characters: int = MAX_TEXT_CHARACTERS) -> str:
    if not isinstance(value, str) or not value.strip():
        # YAML parses yes, no and 1 as other types than text.
        hint = (
            f", not {value!r}; put it in quotes" if value is not None and not isinstance(value, str) else ""
        )
        raise BadInput(f"The {field} of a rubric must be a non-empty text{hint}.")
    if len(value) > max_characters:
        raise BadInput(
            f"The {field} of a rubric has {len(value):,} characters; the maximum is {max_characters:,}."
        )
    return replace_unstorable(value.strip())


def _extract_content(rubric: Rubric) -> dict[str, Any]:
    document = rubric.as_json()
    return {field: document[field] for field in ("title", "prompt", "scale")}


def _build_saved_rubric(row: sa.Row[Any]) -> SavedRubric:
    rubric = Rubric(
        name=row.name,
        version=row.version,
        title=row.title,
        prompt=row.prompt,
        scale=tuple(Label(**label) for label in row.scale),
        needs=tuple(row.needs),
    )
    return SavedRubric(rubric=rubric, created_by=row.created_by, created_at=row.created_at)
