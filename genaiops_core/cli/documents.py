"""Results documents that commands read and write: files, evaluations by id, and the production baseline."""

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


def is_evaluation_id(text: str) -> bool:
    """Whether `text` is an evaluation id and no file of that name exists."""
    # A file takes precedence: its name may look like an ID.
    return bool(_ID.fullmatch(text)) and not Path(text).exists()


def load_results(source: str, *, like: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Load a results document with its details.

    Args:
        source: a file, the id of an evaluation, or `production` for the production baseline.
        like: the document that the production baseline must be comparable with.

    Raises:
        BadInput: the file cannot be read, or there is no production baseline.
        NotFound: there is no such evaluation.
    """
    from db.transaction import reading
    from genaiops_core.evaluation import runs
    from genaiops_core.evaluation.verdicts import documents
    from genaiops_core.releases import evaluation_results

    if source != PRODUCTION and not is_evaluation_id(source):
        return documents.read_document(Path(source))
    engine = context.engine()
    if source == PRODUCTION:
        body = like or {}
        application = str(body.get("application") or "")
        source = find_baseline(
            engine,
            requested=PRODUCTION,
            document=None,
            dataset=str(body.get("dataset") or ""),
            judge=str(body.get("judge") or ""),
            application=application,
        )
        if not source:
            raise BadInput(
                f"There is no production baseline: the stable release of '{application}' has no finished evaluation of "
                f"dataset '{body.get('dataset', '')}' by judge '{body.get('judge', '')}'."
            )
    with reading(engine) as connection:
        run = runs.get(connection, source)
        return evaluation_results.build_document(connection, run)


def read_baseline_file(source: str) -> Baseline | None:
    """Read `--baseline FILE`; None when `source` means an evaluation in the database."""
    from genaiops_core.evaluation.runs.deciding import Baseline
    from genaiops_core.evaluation.verdicts import documents

    if not source or source == PRODUCTION or is_evaluation_id(source):
        return None
    file = Path(source)
    return Baseline(name=file.name, body=documents.read_document(file))


def find_baseline(
    engine: sa.Engine,
    *,
    requested: str,
    document: Mapping[str, Any] | None,
    dataset: str,
    judge: str,
    application: str,
) -> str:
    """Find the id of the baseline evaluation; '' without one, with a note on stderr when production was requested."""
    from db.transaction import reading
    from genaiops_core.evaluation.judges import parse_judge_name
    from genaiops_core.evaluation.runs import comparison
    from genaiops_core.evaluation.verdicts import pipeline
    from genaiops_core.rollouts import rollouts

    with reading(engine) as connection:
        status = rollouts.status(connection, application) if application else []
        baseline = comparison.choose_baseline(
            connection,
            requested=requested,
            stages=pipeline.parse_pipeline(document) if document else None,
            dataset=dataset,
            # Normalised, as evaluations store it; otherwise no baseline would match.
            judge=str(parse_judge_name(judge)),
            application=application,
            stable=status[0].stable if status else None,
        )
    if requested == PRODUCTION and not baseline:
        typer.echo("There is no production baseline, so nothing is compared.", err=True)
    return baseline


def write_json(file: Path, body: Mapping[str, Any]) -> None:
    """Write a document as indented JSON."""
    write_file(file, orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n")


def write_file(file: Path, content: bytes) -> None:
    """Write a file; create its folder if it is missing.

    Raises:
        BadInput: the file cannot be written.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.") from error
