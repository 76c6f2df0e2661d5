"""`--target ...` of `genaiops evaluate` and `genaiops target try`: the target that answers the cases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from genaiops_core.cli import arguments
from genaiops_core.errors import BadInput

if TYPE_CHECKING:
    import sqlalchemy as sa

MAX_FILE_BYTES = 2_000_000

_PANEL = "Target"
_HELP = (
    "Target that answers the cases: bedrock[:MODEL], openai[:MODEL]@BASE_URL, http:URL, release, or a file (YAML or "
    "JSON). Without a target the answers of the suite are scored."
)
Where = Annotated[str, typer.Option("--target", help=_HELP, rich_help_panel=_PANEL)]
Model = Annotated[str, typer.Option("--target-model", help="Model to call.", rich_help_panel=_PANEL)]
System = Annotated[
    str,
    typer.Option(
        "--target-system",
        help="System prompt, or @FILE; may contain {contexts} and {question}.",
        rich_help_panel=_PANEL,
    ),
]
Template = Annotated[
    Path | None,
    typer.Option(
        "--target-template", help="JSON body with placeholders, for http:URL.", rich_help_panel=_PANEL
    ),
]
Reply = Annotated[
    list[str] | None,
    typer.Option(
        "--target-reply",
        help="FIELD=PATH, for http:URL: path of answer, contexts, input_tokens, output_tokens or cost_usd.",
        rich_help_panel=_PANEL,
    ),
]
Prompt = Annotated[
    str,
    typer.Option(
        "--target-prompt", help="Prompt of the release, for --target release.", rich_help_panel=_PANEL
    ),
]
Repetitions = Annotated[
    int,
    typer.Option(
        "--repetitions",
        help="Number of answers per case, to measure how much answers vary.",
        rich_help_panel=_PANEL,
    ),
]


def build_target_spec(
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
    """Build the target document from the options; None when the answers of the suite are scored.

    Args:
        engine: database of the releases.
        target, model, system, template, reply, prompt, repetitions: the options of those names.
        application, release: the release that `--target release` calls.

    Raises:
        BadInput: an option is invalid, or does not apply to this target.
    """
    from genaiops_core.evaluation.targets import specs

    options = {
        "--target-model": model,
        "--target-system": system,
        "--target-template": template,
        "--target-reply": reply,
        "--target-prompt": prompt,
    }
    if not target.strip():
        _refuse_options(options | {"--repetitions": repetitions != 1}, "has no effect without --target", ())
        return None
    specs.validate_repetitions(repetitions)
    if target.strip() == "release":
        _refuse_options(options, "does not apply to --target release, which defines it", ("--target-prompt",))
        return _build_release_target(engine, application, release, prompt)
    document = _parse_target(target.strip())
    allowed = (
        ("--target-model", *_OPTIONS_BY_KIND[document.get("kind")])
        if document.get("kind") in _OPTIONS_BY_KIND
        else tuple(options)
    )
    _refuse_options(options, f"does not apply to a target of kind {document.get('kind')}", allowed)
    if model:
        document["model"] = model
    if system:
        document["system"] = _read_text_or_file(system)
    if template:
        document["template"] = _read_json_file(template)
    if reply:
        document["reply"] = dict(
            arguments.split_pair(pair, f"--target-reply takes NAME=VALUE, not '{pair}'.") for pair in reply
        )
    return specs.parse_spec(document, "--target").as_json()


_OPTIONS_BY_KIND: dict[object, tuple[str, ...]] = {
    "bedrock": ("--target-system",),
    "openai": ("--target-system",),
    "http": ("--target-template", "--target-reply"),
}
"""Options that a kind takes in addition to --target-model."""


def _parse_target(target: str) -> dict[str, Any]:
    """Parse the value of `--target` into a target document."""
    # Before the kinds: `http:URL` also begins with http.
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
    return _read_target_file(target)


def _read_target_file(target: str) -> dict[str, Any]:
    import yaml

    if not Path(target).is_file():
        raise BadInput(
            f"--target '{target}' is not a file and not one of bedrock[:MODEL], openai[:MODEL]@BASE_URL, http:URL, release."
        )
    try:
        document = yaml.safe_load(arguments.read_text(Path(target), MAX_FILE_BYTES))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}" if mark else ""
        raise BadInput(f"{target} is not YAML{place}: {getattr(error, 'problem', error)}.") from error
    if not isinstance(document, dict):
        raise BadInput(f"{target} must have fields such as kind and model.")
    return document


def _build_release_target(engine: sa.Engine, application: str, release: str, prompt: str) -> dict[str, Any]:
    from db.transaction import reading
    from genaiops_core.releases.as_target import target_document

    if not application or not release:
        raise BadInput("--target release requires --application and --release.")
    with reading(engine) as connection:
        return target_document(connection, application=application, release=release, prompt=prompt)


def _refuse_options(options: dict[str, Any], why: str, allowed: tuple[str, ...]) -> None:
    for option, value in options.items():
        if value and option not in allowed:
            raise BadInput(f"{option} {why}.")


def _read_text_or_file(text: str) -> str:
    return arguments.read_text(Path(text.removeprefix("@")), MAX_FILE_BYTES) if text.startswith("@") else text


def _read_json_file(file: Path) -> Any:
    try:
        return orjson.loads(arguments.read_text(file, MAX_FILE_BYTES))
    except orjson.JSONDecodeError as error:
        raise BadInput(f"{file} is not JSON: {error}.") from error
