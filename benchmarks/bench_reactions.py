"""Reactions of real processes: stop, takeover, cancellation, rollback, start, and the first trace.

Each figure is the median and the maximum of several repetitions, beside a floor from the same run or the interval that
the product states. Worker, API and `genaiops up` are processes on a fresh database; the judge is the loopback server of
the tests. With `--database-url` the databases are created beside the database of the URL, and dropped at the end.

    python -m benchmarks reactions --repetitions 5 --database-url postgresql://user:password@host/postgres
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Sequence

import sqlalchemy as sa

from benchmarks.reactions import evaluations, rollouts, starts
from benchmarks.reactions.judge import LoopbackJudge
from benchmarks.reactions.processes import Processes, measure_s, open_console, stop
from genaiops_core.evaluation.calls.call_session import POLL_S as RUN_POLL_S
from genaiops_core.jobs.heartbeat import DEAD_AFTER_SECONDS, GONE_AFTER_SECONDS
from genaiops_core.jobs.worker import REAP_SECONDS, STOP_SECONDS
from genaiops_core.rollouts.routing_cache import POLL_S as ROUTING_POLL_S
from tests.integration.evaluating import import_prices

BARE_REQUESTS = 50


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--database-url", default="", help="of a PostgreSQL server; SQLite without it")
    options = parser.parse_known_args()[0]
    server, count = options.database_url, options.repetitions
    database = "PostgreSQL" if server else "SQLite"
    print(f"{database}, {count} repetitions, load of this machine {os.getloadavg()[0]:.1f}")
    print(f"{'seconds':<56}{'median':>8}{'max':>8}   compared with", flush=True)
    with LoopbackJudge() as judge, open_console(server) as (engine, processes):
        import_prices(engine, evaluations.CASES)
        report_stops(engine, processes, judge, count)
        report_takeovers(engine, processes, judge, count)
        report_cancellations(engine, processes, judge, count)
    with open_console(server) as (engine, processes):
        report_rollbacks(engine, processes, count)
    report_starts(server, count)
    report_traces(server, count)
    print(f"load of this machine at the end {os.getloadavg()[0]:.1f}")


def report_stops(engine: sa.Engine, processes: Processes, judge: LoopbackJudge, count: int) -> None:
    """SIGTERM of the worker until its exit: without work, during calls, and during calls that nobody answers."""
    idle_s = [evaluations.stop_idle_worker(processes) for _ in range(count)]
    bare_s = [evaluations.stop_bare_process() for _ in range(count)]
    print_figures("SIGTERM to exit of an idle worker", idle_s, f"bare Python process {describe(bare_s)}")
    for name, delay_s, units_before, comparison in (
        (
            f"the same in an evaluation with calls of {evaluations.CALL_S} s",
            evaluations.CALL_S,
            evaluations.UNITS_BEFORE,
            f"calls in flight may end: {evaluations.CALL_S} s",
        ),
        (
            "the same while the judge does not answer",
            evaluations.WITHHELD_S,
            0,
            f"stated {STOP_SECONDS} s for calls in flight, 5 s in all",
        ),
    ):
        busy_s = [
            evaluations.stop_busy_worker(engine, processes, judge, delay_s=delay_s, units_before=units_before)
            for _ in range(count)
        ]
        print_figures(name, busy_s, comparison)


def report_takeovers(engine: sa.Engine, processes: Processes, judge: LoopbackJudge, count: int) -> None:
    """kill -9 of the worker that has an evaluation, until the next call by another worker."""
    takeovers = []
    workers = {"worker-0": processes.start_worker("worker-0")}
    for number in range(1, count + 1):
        workers[f"worker-{number}"] = processes.start_worker(f"worker-{number}")
        takeovers.append(evaluations.kill_worker(engine, judge, workers))
    stated_s = GONE_AFTER_SECONDS + REAP_SECONDS
    print_figures(
        "kill -9 of a worker to the next call of another one",
        [takeover.next_call_s for takeover in takeovers],
        f"stated {stated_s:g} s: {GONE_AFTER_SECONDS:g} of silence, checked every {REAP_SECONDS:g} "
        f"({DEAD_AFTER_SECONDS:g} of silence on another host)",
    )
    repeated = sum(takeover.repeated for takeover in takeovers)
    unrecorded = sum(takeover.unrecorded for takeover in takeovers)
    print(
        f"    calls answered twice: 0 of those recorded at the kill, {repeated} of {unrecorded} not recorded yet"
    )
    for worker in workers.values():
        stop(worker)


def report_cancellations(engine: sa.Engine, processes: Processes, judge: LoopbackJudge, count: int) -> None:
    """A cancellation over HTTP until the API says so, and until the last call has reached the judge."""
    processes.start_worker()
    with processes.open_api() as api:
        cancellations = [evaluations.cancel_evaluation(engine, api, judge) for _ in range(count)]
    read_s = [cancellation.read_s for cancellation in cancellations]
    print_figures(
        "cancel to the state 'cancelled' in the API",
        [cancellation.state_s for cancellation in cancellations],
        f"one read of the same route {describe(read_s)}",
    )
    most_calls = max(cancellation.calls for cancellation in cancellations)
    print_figures(
        "cancel to the last call that reaches the judge",
        [cancellation.last_call_s for cancellation in cancellations],
        f"stated {RUN_POLL_S} s; at most {most_calls} calls, at {evaluations.CONCURRENCY} at once of "
        f"{evaluations.SHORT_CALL_S} s",
    )


def report_rollbacks(engine: sa.Engine, processes: Processes, count: int) -> None:
    """A rollback until OFREP and the read routes answer with the stable release."""
    rollouts.start_stable(engine)
    with processes.open_api() as api:
        rollbacks = [rollouts.roll_back(engine, api, f"v2-{number}") for number in range(count)]
        own_s = [rollouts.roll_back_over_http(engine, api, f"v3-{number}") for number in range(count)]
    one_ofrep_s = [rollback.one_ofrep_s for rollback in rollbacks]
    one_read_s = [rollback.one_read_s for rollback in rollbacks]
    print_figures(
        "rollback committed to stable in OFREP",
        [rollback.ofrep_s for rollback in rollbacks],
        f"stated {ROUTING_POLL_S} s and one query; one request {describe(one_ofrep_s)}",
    )
    print_figures(
        "rollback committed to stable in the read API",
        [rollback.reads_s for rollback in rollbacks],
        f"one read of its routes {describe(one_read_s)}",
    )
    print_figures(
        "rollback over HTTP to stable in both, same process", own_s, "one request of each, as above"
    )


def report_starts(server: str, count: int) -> None:
    """`genaiops up` on an empty database until /readyz is 200, and its stop."""
    # Not counted: afterwards the modules are compiled and in the file cache of the system.
    starts.import_modules()
    imports_s, ups = [], []
    for _ in range(count):
        imports_s.append(measure_s(starts.import_modules))
        ups.append(starts.start_up(server))
    print_figures(
        "genaiops up to 200 of /readyz, empty database",
        [up.ready_s for up in ups],
        f"the imports alone {describe(imports_s)}",
    )
    print_figures(
        "SIGTERM to exit of genaiops up and its processes", [up.stop_s for up in ups], "stated 10 s at most"
    )


def report_traces(server: str, count: int) -> None:
    """The first trace of a new API process until it is in the read API, and later ones."""
    traces = [starts.send_first_traces(server) for _ in range(count)]
    bare_s = list(starts.time_bare_requests(BARE_REQUESTS))
    print_figures(
        "first trace to its visibility in trace, list and summary",
        [trace.visible_s for trace in traces],
        f"acknowledged after {describe([trace.acknowledged_s for trace in traces])}",
    )
    print_figures(
        f"each of {starts.LATER_TRACES} later traces, the same",
        [seconds for trace in traces for seconds in trace.later_s],
        f"as many requests to a bare Uvicorn {describe(bare_s)}",
    )


def describe(values_s: Sequence[float]) -> str:
    return f"{statistics.median(values_s):.3f} (max {max(values_s):.3f})"


def print_figures(name: str, values_s: Sequence[float], comparison: str) -> None:
    print(f"{name:<56}{statistics.median(values_s):>8.3f}{max(values_s):>8.3f}   {comparison}", flush=True)


if __name__ == "__main__":
    main()
