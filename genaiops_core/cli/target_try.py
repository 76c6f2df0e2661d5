"""`genaiops target try`: test a target with one question before an evaluation."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genaiops_core import output
from genaiops_core.cli import arguments, context, targets
from genaiops_core.errors import BadInput

if TYPE_CHECKING:
    import sqlalchemy as sa

    from genaiops_core.evaluation.datasets.case import Case
    from genaiops_core.evaluation.targets import TargetAnswer

commands = typer.Typer(help="Test the target that answers the cases of an evaluation.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add `target` to the command line."""
    app.add_typer(commands, name="target")


@commands.command("try")
def try_target(
    input: Annotated[str, typer.Option("--input", help="The question to ask.")],
    target: targets.Where,
    target_model: targets.Model = "",
    target_system: targets.System = "",
    target_template: targets.Template = None,
    target_reply: targets.Reply = None,
    target_prompt: targets.Prompt = "",
    context_texts: Annotated[
        list[str] | None, typer.Option("--context", help="A context of the case; may be repeated.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of the case; may be repeated.")
    ] = None,
    application: Annotated[str, typer.Option(help="Application, for --target release.")] = "",
    release: Annotated[str, typer.Option(help="Release, for --target release.")] = "",
    json: output.Json = False,
) -> None:
    """Send a question to a target; print the answer with latency, tokens and cost. Exit 0 with an answer, 1 without."""
    from genaiops_core.evaluation.datasets.case import Case

    engine = context.engine()
    document = targets.build_target_spec(
        engine,
        target=target,
        model=target_model,
        system=target_system,
        template=target_template,
        reply=target_reply,
        prompt=target_prompt,
        application=application,
        release=release,
    )
    if document is None:
        raise BadInput("--target is empty; name a target, for example bedrock:MODEL.")
    case = Case(
        input=input,
        contexts=tuple(context_texts) if context_texts else None,
        metadata=dict(
            arguments.split_pair(pair, f"--metadata takes NAME=VALUE, not '{pair}'.")
            for pair in metadata or ()
        ),
    )
    name, answer = _call_target(engine, document, case)
    if json:
        output.print_json({"target": name, **_describe_answer(answer), "notes": document.get("notes", [])})
    else:
        _print_answer(name, answer, document.get("notes", []))
    raise typer.Exit(output.EXIT_PASSED if answer.text is not None else output.EXIT_FAILED)


def _call_target(engine: sa.Engine, document: dict[str, Any], case: Case) -> tuple[str, TargetAnswer]:
    from db.transaction import reading
    from genaiops_core.access.outbound import parse_outbound_rule
    from genaiops_core.evaluation import targets as answering
    from genaiops_core.pricing.prices import PriceList

    settings = context.settings()
    hosts = answering.parse_allowed_hosts(settings.target_hosts)
    rule = parse_outbound_rule(settings.private_hosts, hosts)
    built = answering.build_target(document, allowed_hosts=hosts, outbound_rule=rule)
    with reading(engine) as connection:
        prices = PriceList.load(connection)

    async def once() -> TargetAnswer:
        try:
            return await built.answer(case)
        finally:
            await built.close()

    # Prices are valid from a time on; this is that of the call.
    at_ns = time.time_ns()
    return built.name, answering.price_answer(asyncio.run(once()), built, prices, at_ns)


def _describe_answer(answer: TargetAnswer) -> dict[str, Any]:
    return {
        "answer": answer.text,
        "problem": answer.problem,
        "contexts": answer.contexts,
        "model": answer.model,
        "latency_ms": round(answer.latency_ms, 1),
        "input_tokens": answer.usage.input_tokens,
        "output_tokens": answer.usage.output_tokens,
        "cost_nano_usd": answer.cost_nano_usd,
        "cost_usd": _format_cost(answer.cost_nano_usd),
    }


def _print_answer(name: str, answer: TargetAnswer, notes: list[str]) -> None:
    output.say(answer.text if answer.text is not None else "(no answer)")
    output.say("")
    cost = _format_cost(answer.cost_nano_usd)
    rows = [
        ("target", name + (f" ({answer.model})" if answer.model else "")),
        ("latency", f"{answer.latency_ms:,.0f} ms"),
        ("input tokens", _format_count(answer.usage.input_tokens)),
        ("output tokens", _format_count(answer.usage.output_tokens)),
        ("cost", "unknown" if cost is None else f"{cost} USD"),
        ("contexts", _format_count(None if answer.contexts is None else len(answer.contexts))),
        *([("problem", answer.problem)] if answer.problem else []),
        *(("note", note) for note in notes),
    ]
    for label, value in rows:
        output.say(f"{label:<14}{value}")


def _format_count(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _format_cost(nano_usd: int | None) -> str | None:
    from genaiops_core.telemetry.figures import format_usd

    return None if nano_usd is None else format_usd(nano_usd)
