"""`genaiops`: the root of the command line."""

from __future__ import annotations

from typing import NoReturn

import typer

from genaiops_core import output
from genaiops_core.cli import (
    audit,
    database,
    datasets,
    demo,
    errors,
    evaluation_runs,
    evaluations,
    imports,
    labels,
    metrics,
    privacy,
    publishing,
    releases,
    reviews,
    rollbacks,
    rollouts,
    sampling,
    serve,
    status,
    target_try,
    traces,
    verdicts,
)
from genaiops_core.errors import GenAIOpsError

app = typer.Typer(
    name="genaiops",
    help="Measure, evaluate, approve, roll out and roll back systems built on large language models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (
    serve,
    demo,
    status,
    database,
    imports,
    datasets,
    evaluations,
    evaluation_runs,
    target_try,
    verdicts,
    publishing,
    metrics,
    labels,
    releases,
    rollouts,
    rollbacks,
    traces,
    sampling,
    reviews,
    privacy,
    audit,
):
    module.register(app)


def run() -> None:
    """Entry point: every expected error is one sentence on stderr and exit code 2."""
    from genaiops_core.jobs import logs

    logs.configure("WARNING")  # on stderr: stdout is for answers
    try:
        code = app(standalone_mode=False)
    except GenAIOpsError as error:
        _stop(str(error))
    except typer.Abort:
        raise SystemExit(130) from None
    except Exception as error:
        # Typer keeps the class of its usage errors private; this method is how they are known.
        format_message = getattr(error, "format_message", None)
        if format_message is None:
            _stop(errors.told(error))
        _stop(format_message())
    raise SystemExit(code or 0)


def _stop(sentence: str) -> NoReturn:
    output.say(sentence, err=True)
    raise SystemExit(2)


if __name__ == "__main__":
    run()
