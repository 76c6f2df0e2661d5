"""The exported results document of an evaluation, with the model of its release."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from genaiops_core.errors import NotFound
from genaiops_core.evaluation.human import results
from genaiops_core.evaluation.runs import Evaluation
from genaiops_core.evaluation.verdicts.flat_fields import build_flat_fields
from genaiops_core.releases import releases


def build_document(
    connection: sa.Connection, run: Evaluation, *, with_details: bool = True
) -> dict[str, Any]:
    """The document that files, downloads and `--json` contain: with corrected means and flat fields.

    Args:
        connection: preferably a `reading` snapshot.
        run: the evaluation.
        with_details: whether the document has a row per case.
    """
    body = results.build_document(connection, run, with_details=with_details)
    model = find_model(connection, run.application, run.release)
    # The rows of the cases stay last: the summary of a long file is on its first screen.
    details = body.pop("details")
    return {**body, **build_flat_fields(body, model=model), "details": details}


def find_model(connection: sa.Connection, application: str, release: str) -> str:
    """The model of a release; '' when it is not registered or has none."""
    if not (application and release):
        return ""
    try:
        return releases.get_release(connection, application, release).model or ""
    except NotFound:
        return ""
