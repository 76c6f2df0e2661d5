"""`genaiops publish`: send results to CloudWatch and S3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from genaiops_core import output
from genaiops_core.cli import context, documents


def register(app: typer.Typer) -> None:
    """Add `publish` to the command line."""
    app.command()(publish)


def publish(
    results: Annotated[str, typer.Argument(help="Results file of genaiops evaluate, or an evaluation id.")],
    to: Annotated[str, typer.Option(help="cloudwatch, s3://BUCKET/PREFIX, or both, comma-separated.")],
    model_id: Annotated[
        str, typer.Option(help="Model that answered; by default the model of the target or the release.")
    ] = "",
    json: output.Json = False,
) -> None:
    """Send scores to CloudWatch (GenAI/Evaluation, by ModelId) and the document to S3 (evaluations/YYYY/MM/DD/MODEL.json).

    Credentials and region come from the environment, as the AWS SDK reads it.
    """
    from genaiops_core.aws import clients
    from genaiops_core.errors import BadInput
    from genaiops_core.evaluation.runs import publishing

    destinations = publishing.parse_destinations(to)
    body = documents.load_results(results)
    # A document of a failed evaluation lacks both.
    missing = [name for name in ("cases", "finished_at") if not body.get(name)]
    if missing:
        raise BadInput(f"{results} lacks '{missing[0]}', so it cannot be published.")
    model = model_id or _find_model(body)
    if "model_id" in body:
        body["model_id"] = model
    written = publishing.publish(destinations, body, model=model, make_client=clients.client)
    if json:
        output.print_json({"model": model, "written": written})
    else:
        typer.echo("\n".join(f"Wrote {location}" for location in written) or "There was nothing to publish.")


def _find_model(body: Mapping[str, Any]) -> str:
    """Find the model that answered: the model of the target, else of the release; '' when both are unknown."""
    from db.transaction import reading
    from genaiops_core.releases import evaluation_results

    target = body.get("target") or {}
    if target.get("model"):
        return str(target["model"])
    application, release = str(body.get("application") or ""), str(body.get("release") or "")
    if not (application and release):
        return ""
    with reading(context.engine()) as connection:
        return evaluation_results.find_model(connection, application, release)
