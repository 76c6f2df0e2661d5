"""Results documents that commands read and write: files, evaluations by id, and the one of production."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import typer

from genaiops_core.cli import context
from genaiops_core.errors import BadInput

if TYPE_CHECKING:
    import sqlalchemy as sa

    from genaiops_core.evaluation.runs.deciding import Baseline

PRODUCTION = "production"

_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def is_id(text: str) -> bool:
    """Whether this can only be the id of an evaluation."""
    return bool(_ID.fullmatch(text)) and not Path(text).exists()


def load(named: str, *, like: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A results document with its details: from a file, of an evaluation, or the production baseline.

    Args:
        named: a file, the id of an evaluation, or `production`.
        like: the document that the production baseline must be comparable with.

    Raises:
        BadInput: it cannot be read, or there is no production baseline.
        NotFound: there is no such evaluation.
    """
    from db.transaction import reading
    from genaiops_core.evaluation import runs
    from genaiops_core.evaluation.human import results
    from genaiops_core.evaluation.verdicts import documents

    if named != PRODUCTION and not is_id(named):
        return documents.read_document(Path(named))
    engine = context.engine()
    if named == PRODUCTION:
        body = like or {}
        application = str(body.get("application") or "")
        named = baseline_id(
            engine,
            asked=PRODUCTION,
            document=None,
            dataset=str(body.get("dataset") or ""),
            judge=str(body.get("judge") or ""),
            application=application,
        )
        if not named:
            raise BadInput(
                f"There is no production baseline: the stable release of '{application}' has no finished evaluation of "
                f"dataset '{body.get('dataset', '')}' by judge '{body.get('judge', '')}'."
            )
    with reading(engine) as connection:
        run = runs.get(connection, named)
        return results.build_document(connection, run)


def against_file(named: str) -> Baseline | None:
    """`--baseline FILE` as what a run is compared with; None where an evaluation of the database is meant."""
    from genaiops_core.evaluation.runs.deciding import Baseline
    from genaiops_core.evaluation.verdicts import documents

    if not named or named == PRODUCTION or is_id(named):
        return None
    file = Path(named)
    return Baseline(name=file.name, body=documents.read_document(file))


def baseline_id(
    engine: sa.Engine,
    *,
    asked: str,
    document: Mapping[str, Any] | None,
    dataset: str,
    judge: str,
    application: str,
) -> str:
    """The evaluation that a run is compared with; says on stderr when production was asked for and has none."""
    from db.transaction import reading
    from genaiops_core.evaluation.judges import parse_judge_name
    from genaiops_core.evaluation.runs import comparison
    from genaiops_core.evaluation.verdicts import pipeline
    from genaiops_core.rollouts import rollouts

    with reading(engine) as connection:
        status = rollouts.status(connection, application) if application else []
        found = comparison.choose_baseline(
            connection,
            requested=asked,
            stages=pipeline.parse_pipeline(document) if document else None,
            dataset=dataset,
            judge=str(parse_judge_name(judge)),
            application=application,
            stable=status[0].stable if status else None,
        )
    if asked == PRODUCTION and not found:
        typer.echo("There is no production baseline yet, so nothing is compared.", err=True)
    return found


def write_json(file: Path, body: Mapping[str, Any]) -> None:
    """Write a document, readable for people."""
    write(file, orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n")


def write(file: Path, content: bytes) -> None:
    """Write a file and its folder.

    Raises:
        BadInput: it cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.") from error
