"""Run an evaluation to its end on the command line, with a progress bar and with or without a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

    from genaiops_core.evaluation.runs import Evaluation

POLL_SECONDS = 0.2
WAITING = "waiting for the provider"

Progress = Callable[["Evaluation"], None]


def run_to_end(engine: sa.Engine, actor: str, id: str, progress: Progress) -> Evaluation:
    """Wait for the workers, or do their work here when there is none; Ctrl-C cancels the run.

    The wait ends when the run is paused, because only a user can resume it.
    """
    from db.transaction import reading
    from genaiops_core.clock import now
    from genaiops_core.errors import Conflict
    from genaiops_core.evaluation import runs
    from genaiops_core.evaluation.runs import execution, states
    from genaiops_core.jobs import heartbeat

    runner = heartbeat.new_executor_id(now())
    try:
        while True:
            with reading(engine) as connection:
                # Both in one snapshot: state and heartbeat belong to the same moment.
                run = runs.get(connection, id)
                is_beating = heartbeat.is_beating(connection, now())
            progress(run)
            if not run.is_open:
                return run if run.results is not None else execution.finish(engine, id)
            # This process takes over a running evaluation whose worker died: every step may be repeated.
            if not is_beating and (run.state == "running" or states.claim(engine, id, runner)):
                return execution.run(engine, id, progress, runner=runner)
            time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        with suppress(Conflict):  # the run may end in the same moment
            runs.cancel(engine, actor=actor, id=id, reason="interrupted on the command line")
        return execution.finish(engine, id)


@contextmanager
def show_progress(*, is_shown: bool) -> Iterator[Progress]:
    """A progress bar on stderr; stdout carries the results only."""
    if not is_shown:
        yield lambda run: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        *(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()),
        TextColumn("{task.fields[facts]}"),
    )
    console = Console(stderr=True)
    is_announced = False
    # Transient: a log of a CI server keeps only the results.
    with Progress(*columns, console=console, transient=True) as progress_bar:
        task = progress_bar.add_task("scoring", total=None, facts="")

        def show(run: Evaluation) -> None:
            nonlocal is_announced
            facts = list(_list_facts(run))
            progress_bar.update(task, completed=run.units_done, total=run.units, facts=", ".join(facts))
            # Nothing of a bar reaches a log, and a run that stands still there needs a reason.
            if WAITING in facts and not is_announced and not console.is_terminal:
                console.print(f"{WAITING}: {run.units_done} of {run.units} scores", highlight=False)
            is_announced = WAITING in facts

        yield show


def _list_facts(run: Evaluation) -> Iterator[str]:
    from genaiops_core.clock import now
    from genaiops_core.evaluation.runs.evaluation import estimate_remaining_s, is_waiting_for_provider

    if is_waiting_for_provider(run, now()):
        yield WAITING
    remaining_s = estimate_remaining_s(run, now())
    if remaining_s:
        yield f"about {remaining_s:.0f} s remaining"
    if run.answers and run.answers_done < run.answers:
        yield f"{run.answers_done} of {run.answers} answers"
    if run.units_failed:
        yield f"{run.units_failed} failed"
    if run.judge_calls or run.answers_done:
        unpriced = run.unpriced_calls + run.answers_unpriced
        yield f"{run.spent_usd} USD" + (f" and {unpriced} calls of unknown price" if unpriced else "")
