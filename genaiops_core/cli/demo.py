"""`genaiops demo`: write the demo applications, let them live, or remove them."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any

import typer

from genaiops_core import output
from genaiops_core.cli import context
from genaiops_core.errors import BadInput


def register(app: typer.Typer) -> None:
    """Add `demo` to the command line."""
    app.command()(demo)


def demo(
    live: Annotated[
        float | None,
        typer.Option(min=0.1, help="Then send traffic for so many SECONDS, following the release flag."),
    ] = None,
    api: Annotated[str, typer.Option(help="Where the API listens, for --live.")] = "",
    outage: Annotated[
        bool,
        typer.Option(
            "--outage", help="With --live: the canary fails so often that the policy rolls it back."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="The same seed draws the same traffic.")] = 1,
    remove: Annotated[
        bool, typer.Option("--remove", help="Remove every trace of the demo; real data stays.")
    ] = False,
    json: output.Json = False,
) -> None:
    """Write three demo applications with 30 days of traffic."""
    if remove and (live is not None or outage):
        raise BadInput("Say either --remove or --live, not both.")
    if outage and live is None:
        raise BadInput("--outage makes the live canary fail; say for how many seconds with --live.")
    if remove:
        _remove(json=json)
        return
    report = _write(seed)
    if live is None:
        if json:
            output.print_json(report)
        else:
            typer.echo(_sentence(report))
        return
    if not json:
        typer.echo(_sentence(report))
    _live(live, api or _own_api(), is_outage=outage, json=json, report=report)


def _write(seed: int) -> dict[str, Any]:
    import gc

    from genaiops_core.clock import now
    from genaiops_core.demo.writer import write_demo

    # Looking for cycles among the many spans costs a sixth of the time, and the console waits for the demo.
    gc.disable()
    try:
        return dataclasses.asdict(write_demo(context.engine(), now(), seed))
    finally:
        gc.enable()


def _sentence(report: dict[str, Any]) -> str:
    if report["was_present"]:
        return (
            f"The demo is there already (seed {report['seed']}, written {report['written_at']}); nothing was changed. "
            "'genaiops demo --remove' takes it out."
        )
    return (
        f"The demo is written: {report['requests']} requests, {report['spans']} spans and {report['scores']} scores "
        f"of 3 applications in {report['seconds']:.1f} s."
    )


def _remove(*, json: bool) -> None:
    from genaiops_core.demo.removal import remove_demo

    removed = remove_demo(context.engine(), actor=context.actor())
    if json:
        output.print_json({"removed": removed})
    elif removed:
        typer.echo(f"The demo is removed: {sum(removed.values())} rows of {len(removed)} tables.")
    else:
        typer.echo("There is no demo in this database; nothing was changed.")


def _live(seconds: float, api: str, *, is_outage: bool, json: bool, report: dict[str, Any]) -> None:
    import httpx

    from genaiops_core.demo.live import LiveApplication, LiveSecond

    lines: list[LiveSecond] = []
    with httpx.Client(base_url=api, timeout=10, trust_env=False) as client:
        try:
            for line in LiveApplication(client, is_outage=is_outage).run(seconds):
                lines.append(line)
                if not json:
                    typer.echo(_shown(line))
        except KeyboardInterrupt:
            # Asked to stop: what was sent stays, and the summary is still true.
            pass
    totals = {
        "seconds": len(lines),
        "requests": sum(line.requests for line in lines),
        "errors": sum(line.errors for line in lines),
        "canary_requests": sum(line.canary_requests for line in lines),
    }
    if json:
        output.print_json({"demo": report, "live": totals})
    else:
        typer.echo(f"{totals['requests']} requests sent to {api}, {totals['errors']} of them failed.")


def _shown(line: Any) -> str:
    share = "unknown" if line.canary_share is None else f"{line.canary_share:.0%}"
    return (
        f"{line.at:%H:%M:%S} UTC  {line.requests} requests, {line.errors} failed; support-agent: "
        f"{line.canary_requests} of {line.routed} to {line.canary or 'a canary'}, {share} over 10 s"
    )


def _own_api() -> str:
    settings = context.settings()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.api_port}"
