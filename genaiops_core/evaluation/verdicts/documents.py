"""Reads results documents: from a file with validation, and their parts as values for deciders.

`results_schema` describes every field. Fields are added, never renamed, so a document of any earlier version loads.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.verdicts.answer_figures import AnswerFigures
from genaiops_core.evaluation.verdicts.summaries import MetricResult
from genaiops_core.evaluation.verdicts.traffic import TrafficFigures
from genaiops_core.evaluation.verdicts.verdict import VERDICTS

SCHEMA = 1

_SOURCE_FIELDS = ("evaluation", "application", "release", "dataset", "version", "judge", "finished_at")


def read_document(path: Path) -> dict[str, Any]:
    """A results document from a file.

    Raises:
        BadInput: the file does not exist, or `genaiops evaluate` did not write it.
    """
    try:
        body = orjson.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BadInput(f"{path} does not exist; write it with genaiops evaluate --output {path}.") from error
    except (orjson.JSONDecodeError, OSError) as error:
        raise BadInput(f"{path} cannot be read as results: {error}.") from error
    if not isinstance(body, dict) or not isinstance(body.get("metrics"), dict):
        raise BadInput(
            f"{path} has no results: 'metrics' is missing; write it with genaiops evaluate --output."
        )
    # The first documents had no field `schema`.
    if not isinstance(body.get("schema", SCHEMA), int) or body.get("schema", SCHEMA) > SCHEMA:
        raise BadInput(
            f"{path} has schema {body['schema']}, this version of genaiops reads up to {SCHEMA}; upgrade genaiops."
        )
    # Parsed here only to validate, so that a wrong file fails with its name and not within a gate.
    for name, reader in (("metrics", parse_metrics), ("traffic", parse_traffic), ("answers", parse_answers)):
        try:
            reader(body)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(
                f"{path}: '{name}' is invalid ({error}); write the file with genaiops evaluate --output."
            ) from error
    problem = _find_invalid_field(body) or _find_invalid_row(body)
    if problem:
        raise BadInput(f"{path}: {problem} is invalid; write the file with genaiops evaluate --output.")
    return body


def describe_source(body: Mapping[str, Any]) -> dict[str, Any]:
    """The evaluation, release, dataset and judge of a document; None for missing fields."""
    return {name: body.get(name) for name in _SOURCE_FIELDS}


def parse_metrics(body: Mapping[str, Any]) -> dict[str, MetricResult]:
    return {name: MetricResult.from_json(name, entry) for name, entry in body["metrics"].items()}


def parse_traffic(body: Mapping[str, Any]) -> TrafficFigures | None:
    return TrafficFigures.from_json(body["traffic"]) if body.get("traffic") else None


def parse_answers(body: Mapping[str, Any]) -> AnswerFigures | None:
    return AnswerFigures.from_json(body["answers"]) if body.get("answers") else None


def _find_invalid_field(body: Mapping[str, Any]) -> str:
    """The first field of the wrong type; '' when all are valid."""
    for name in ("pace", "target", "judging", "baseline", "comparison"):
        if not isinstance(body.get(name), dict | None):
            return f"'{name}'"
    if body.get("verdict") not in (None, *VERDICTS):
        return "'verdict'"
    return ""


def _find_invalid_row(body: Mapping[str, Any]) -> str:
    """The first list or row of the wrong structure; '' when all are valid."""
    required = {
        "gates": ("name", "metric", "verdict", "why"),
        "stages": ("name", "verdict"),
        "details": ("case", "input_sha256", "scores"),
    }
    for name, fields in required.items():
        rows = body.get(name) or []
        if not isinstance(rows, list):
            return f"'{name}'"
        for number, row in enumerate(rows, start=1):
            if not isinstance(row, dict) or any(field not in row for field in fields):
                return f"row {number} of '{name}'"
            if "verdict" in fields and row["verdict"] not in VERDICTS:
                return f"'verdict' in row {number} of '{name}'"
            if name == "details" and not _is_scores(row["scores"]):
                return f"'scores' in row {number} of 'details'"
    return ""


def _is_scores(scores: object) -> bool:
    return isinstance(scores, dict) and all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        for value in scores.values()
    )
