"""`--target ...` of `genaiops evaluate`, and `genaiops target try`: who answers the cases, and one answer of theirs."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from genaiops_core.cli import context, output
from genaiops_core.errors import BadInput

if TYPE_CHECKING:
    import sqlalchemy as sa

    from genaiops_core.evaluation.cases import Case
    from genaiops_core.evaluation.targets import Answered

MAX_FILE_BYTES = 2_000_000

_PANEL = "Target"
_HELP = (
    "Who answers the cases before they are scored: bedrock[:MODEL], openai[:MODEL]@BASE_URL, http:URL, release, or a "
    "file (YAML or JSON). Without it the answers of the suite are scored."
)
Where = Annotated[str, typer.Option("--target", help=_HELP, rich_help_panel=_PANEL)]
Model = Annotated[str, typer.Option("--target-model", help="Model to ask.", rich_help_panel=_PANEL)]
System = Annotated[
    str,
    typer.Option(
        "--target-system",
        help="Prompt, or @FILE; with places {contexts} and {question} where wanted.",
        rich_help_panel=_PANEL,
    ),
]
Template = Annotated[
    Path | None,
    typer.Option("--target-template", help="JSON body with places, for http:URL.", rich_help_panel=_PANEL),
]
Reply = Annotated[
    list[str] | None,
    typer.Option(
        "--target-reply",
        help="FIELD=PATH, for http:URL: where answer, contexts, input_tokens, output_tokens, cost_usd stand.",
        rich_help_panel=_PANEL,
    ),
]
Prompt = Annotated[
    str,
    typer.Option("--target-prompt", help="Which prompt of the release, for release.", rich_help_panel=_PANEL),
]
Repetitions = Annotated[
    int,
    typer.Option(
        "--repetitions",
        help="How often each case is answered, to see how much answers vary.",
        rich_help_panel=_PANEL,
    ),
]

commands = typer.Typer(help="Targets: who answers the cases of an evaluation.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add `target` to the command line."""
    app.add_typer(commands, name="target")


def target_of(
    engine: sa.Engine,
    *,
    target: str = "",
    model: str = "",
    system: str = "",
    template: Path | None = None,
    reply: list[str] | None = None,
    prompt: str = "",
    repetitions: int = 1,
    application: str = "",
    release: str = "",
) -> dict[str, Any] | None:
    """The document of the target that the options describe; None when the answers of the suite are to be scored.

    Args:
        engine: where a release is looked up.
        target, model, system, template, reply, prompt, repetitions: the options of those names.
        application, release: whose release `--target release` calls.

    Raises:
        BadInput: an option is wrong, or has no meaning for this target.
    """
    from genaiops_core.evaluation.targets import specs

    given = {
        "--target-model": model,
        "--target-system": system,
        "--target-template": template,
        "--target-reply": reply,
        "--target-prompt": prompt,
    }
    if not target.strip():
        _refuse(given | {"--repetitions": repetitions != 1}, "means nothing without --target", ())
        return None
    specs.checked_repetitions(repetitions)
    if target.strip() == "release":
        _refuse(given, "means nothing for --target release, which has its own", ("--target-prompt",))
        return _of_release(engine, application, release, prompt)
    document = _document(target.strip())
    fits = (
        ("--target-model", *_OPTIONS[document.get("kind")])
        if document.get("kind") in _OPTIONS
        else tuple(given)
    )
    _refuse(given, f"means nothing for a target of kind {document.get('kind')}", fits)
    if model:
        document["model"] = model
    if system:
        document["system"] = _text_or_file(system)
    if template:
        document["template"] = _json_file(template)
    if reply:
        document["reply"] = dict(_pair(one) for one in reply)
    return specs.parse(document, "--target").as_json()


@commands.command("try")
def try_target(
    input: Annotated[str, typer.Option("--input", help="The question to ask.")],
    target: Where,
    target_model: Model = "",
    target_system: System = "",
    target_template: Template = None,
    target_reply: Reply = None,
    target_prompt: Prompt = "",
    context_texts: Annotated[
        list[str] | None, typer.Option("--context", help="A context of the case; may be repeated.")
    ] = None,
    metadata: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE of the case; may be repeated.")
    ] = None,
    application: Annotated[str, typer.Option(help="Application of the release, for release.")] = "",
    release: Annotated[str, typer.Option(help="Release to call, for release.")] = "",
    json: output.Json = False,
) -> None:
    """Ask a target one question and print its answer with latency, tokens and cost: exit 0 with an answer, 1 without."""
    from genaiops_core.evaluation.cases import Case

    engine = context.engine()
    document = target_of(
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
        raise BadInput("--target is empty; say whom to ask.")
    case = Case(
        input=input,
        contexts=tuple(context_texts) if context_texts else None,
        metadata=dict(_pair(one, "--metadata") for one in metadata or ()),
    )
    name, answered = _ask(engine, document, case)
    if json:
        output.print_json({"target": name, **_as_json(answered), "notes": document.get("notes", [])})
    else:
        _tell(name, answered, document.get("notes", []))
    raise typer.Exit(output.EXIT_PASSED if answered.text is not None else output.EXIT_FAILED)


def _ask(engine: sa.Engine, document: dict[str, Any], case: Case) -> tuple[str, Answered]:
    from db.transaction import reading
    from genaiops_core.evaluation import targets
    from genaiops_core.pricing.prices import PriceList

    asked = targets.target(document, allowed_hosts=targets.allowed_hosts(context.settings().target_hosts))
    with reading(engine) as connection:
        prices = PriceList.load(connection)

    async def once() -> Answered:
        try:
            return await asked.answer(case)
        finally:
            await asked.close()

    at_ns = time.time_ns()
    return asked.name, targets.priced(asyncio.run(once()), asked, prices, at_ns)


def _as_json(answered: Answered) -> dict[str, Any]:
    return {
        "answer": answered.text,
        "problem": answered.problem,
        "contexts": answered.contexts,
        "model": answered.model,
        "latency_ms": round(answered.latency_ms, 1),
        "input_tokens": answered.usage.input_tokens,
        "output_tokens": answered.usage.output_tokens,
        "cost_nano_usd": answered.cost_nano_usd,
        "cost_usd": _usd(answered.cost_nano_usd),
    }


def _tell(name: str, answered: Answered, notes: list[str]) -> None:
    # A terminal obeys control characters, and these are somebody else's.
    text = answered.text if answered.text is not None else "(no answer)"
    typer.echo("".join(one if one.isprintable() or one in "\n\t" else "\ufffd" for one in text))
    typer.echo("")
    cost = _usd(answered.cost_nano_usd)
    rows = [
        ("target", name + (f" ({answered.model})" if answered.model else "")),
        ("latency", f"{answered.latency_ms:,.0f} ms"),
        ("input tokens", _shown(answered.usage.input_tokens)),
        ("output tokens", _shown(answered.usage.output_tokens)),
        ("cost", "unknown" if cost is None else f"{cost} USD"),
        ("contexts", _shown(None if answered.contexts is None else len(answered.contexts))),
        *([("problem", answered.problem)] if answered.problem else []),
        *(("note", note) for note in notes),
    ]
    for label, value in rows:
        typer.echo(f"{label:<14}{value}")


def _shown(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _usd(nano_usd: int | None) -> str | None:
    from decimal import Decimal

    return None if nano_usd is None else format(Decimal(nano_usd).scaleb(-9).normalize(), "f")


_OPTIONS: dict[object, tuple[str, ...]] = {
    "bedrock": ("--target-system",),
    "openai": ("--target-system",),
    "http": ("--target-template", "--target-reply"),
}
"""Options that a kind takes beside --target-model."""


def _document(target: str) -> dict[str, Any]:
    """What `--target` says by itself."""
    if target.startswith(("http://", "https://")):
        return {"kind": "http", "url": target}
    kind, colon, rest = target.partition(":")
    if kind == "http" and colon:
        return {"kind": "http", "url": rest}
    if target == "bedrock":
        return {"kind": "bedrock"}
    if kind == "bedrock" and colon:
        return {"kind": "bedrock", "model": rest}
    if target.startswith("openai@"):
        return {"kind": "openai", "base_url": target.removeprefix("openai@")}
    if kind == "openai" and "@" in rest:
        model, _, address = rest.rpartition("@")
        return {"kind": "openai", "model": model, "base_url": address}
    return _document_file(target)


def _document_file(target: str) -> dict[str, Any]:
    import yaml

    if not Path(target).is_file():
        raise BadInput(
            f"--target '{target}' is no file, and none of bedrock[:MODEL], openai[:MODEL]@BASE_URL, http:URL, release."
        )
    try:
        document = yaml.safe_load(_read(Path(target)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise BadInput(f"{target} is not YAML{place}: {getattr(error, 'problem', error)}.") from error
    if not isinstance(document, dict):
        raise BadInput(f"{target} must have fields such as kind and model.")
    return document


def _of_release(engine: sa.Engine, application: str, release: str, prompt: str) -> dict[str, Any]:
    from db.transaction import reading
    from genaiops_core.releases.as_target import target_document

    if not application or not release:
        raise BadInput(
            "--target release needs --application and --release: they say which release is called."
        )
    with reading(engine) as connection:
        return target_document(connection, application=application, release=release, prompt=prompt)


def _refuse(given: dict[str, Any], why: str, fits: tuple[str, ...]) -> None:
    for option, value in given.items():
        if value and option not in fits:
            raise BadInput(f"{option} {why}.")


def _text_or_file(text: str) -> str:
    return _read(Path(text.removeprefix("@"))) if text.startswith("@") else text


def _json_file(file: Path) -> Any:
    try:
        return orjson.loads(_read(file))
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{file} is not JSON: {error}.") from error


def _pair(text: str, option: str = "--target-reply") -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise BadInput(f"{option} takes NAME=VALUE, not '{text}'.")
    return name.strip(), value


def _read(file: Path) -> str:
    try:
        if file.stat().st_size > MAX_FILE_BYTES:
            raise BadInput(f"{file} has more than {MAX_FILE_BYTES / 1e6:g} MB.")
        return file.read_text("utf-8")
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise BadInput(f"{file} is not UTF-8 at byte {error.start}.") from error
