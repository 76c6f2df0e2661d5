"""`genaiops`: the root of the command line."""

from __future__ import annotations

import atexit
import gc
from typing import NoReturn

import typer

from genaiops_core import logs, output
from genaiops_core.cli import errors
from genaiops_core.cli.command_table import DeferredGroup
from genaiops_core.errors import GenAIOpsError
from genaiops_core.processes import parent

app = typer.Typer(
    name="genaiops",
    cls=DeferredGroup,
    rich_markup_mode=None,  # rendering boxes and colours would double the time of --help
    help="Measure, evaluate, approve, roll out and roll back systems built on large language models.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def root() -> None:
    """The commands are in `command_table.COMMANDS`."""


def run() -> None:
    """Entry point: every expected error prints a sentence on stderr and exits with code 2."""
    # Before imports that take seconds, so that no process outlives a supervisor that is killed meanwhile.
    parent.watch_supervisor()
    logs.configure("WARNING")  # logs go to stderr, because stdout carries the results
    # The final garbage collection of the interpreter would walk every imported object.
    atexit.register(gc.freeze)
    try:
        code = app(standalone_mode=False)
    except GenAIOpsError as error:
        _stop(str(error))
    except typer.Abort:
        # 128 + SIGINT, as shells report an interrupted program.
        raise SystemExit(130) from None
    except Exception as error:
        # Typer keeps the class of its usage errors private; only they have this method.
        format_message = getattr(error, "format_message", None)
        if format_message is None:
            _stop(errors.explain_error(error))
        _stop(format_message())
    raise SystemExit(code or 0)


def _stop(sentence: str) -> NoReturn:
    output.say(sentence, err=True)
    raise SystemExit(2)


if __name__ == "__main__":
    run()
