"""The read API of judges against people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from db.transaction import reading
from genaiops_core.api.answers import MAX_NUMBER, Window, answer, engine_of, json_response
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.human import judged
from genaiops_core.evaluation.human.label_metrics import parse_matches
from genaiops_core.evaluation.human.production_agreement import read_production_agreement

router = APIRouter()


@router.get("/agreement")
def agreement(
    request: Request,
    filters: Window,
    evaluation: Annotated[str | None, Query(description="Id of an evaluation.")] = None,
    dataset: Annotated[str | None, Query(description="The newest finished evaluation of each judge.")] = None,
    version: Annotated[
        int | None, Query(description="Version of the dataset; the newest by default.", le=MAX_NUMBER)
    ] = None,
    match: Annotated[list[str] | None, Query(description="METRIC=LABEL; repeat it.")] = None,
) -> Response:
    """Judge-human agreement and corrected means; of production requests in the window when neither is named."""
    chosen = parse_matches(match or [])
    if evaluation and dataset:
        raise BadInput("Name an evaluation or a dataset, not both.")
    with reading(engine_of(request)) as connection:
        if evaluation:
            rows = judged.read_run_agreement(connection, evaluation, chosen=chosen)
            return json_response({"evaluation": evaluation, "rows": [row.as_json() for row in rows]})
        if dataset:
            dataset_version = datasets.get_version(connection, dataset, version)
            rows = judged.read_dataset_agreement(
                connection, dataset_version.dataset, dataset_version.version, chosen=chosen
            )
            subject = {"dataset": dataset_version.dataset, "version": dataset_version.version}
            return json_response({**subject, "rows": [row.as_json() for row in rows]})
        rows = read_production_agreement(connection, filters, chosen=chosen)
    return answer(filters, {"rows": [row.as_json() for row in rows]})
