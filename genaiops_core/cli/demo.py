"""`genaiops demo`: write the demo applications, send live traffic, or remove the demo."""

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
        typer.Option(
            min=0.1, help="Then send live traffic for this many SECONDS, following the release flag."
        ),
    ] = None,
    api: Annotated[str, typer.Option(help="URL of the API, for --live.")] = "",
    outage: Annotated[
        bool,
        typer.Option("--outage", help="With --live: the canary fails until the policy rolls it back."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Random seed; equal seeds give equal traffic.")] = 1,
    remove: Annotated[bool, typer.Option("--remove", help="Remove all demo data; real data stays.")] = False,
    json: output.Json = False,
) -> None:
    """Write three demo applications with 30 days of traffic."""
    if remove and (live is not None or outage):
        raise BadInput("--remove and --live exclude each other; pass one of them.")
    if outage and live is None:
        raise BadInput("--outage needs --live SECONDS, because it makes the live canary fail.")
    if remove:
        _remove_demo(json=json)
        return
    report = _write_demo(seed)
    if live is None:
        if json:
            output.print_json(report)
        else:
            typer.echo(_summarise_demo(report))
        return
    if not json:
        typer.echo(_summarise_demo(report))
    _send_live_traffic(live, api or _default_api_url(), is_outage=outage, json=json, report=report)


def _write_demo(seed: int) -> dict[str, Any]:
    import gc

    from genaiops_core.clock import now
    from genaiops_core.demo.writer import write_demo

    # Garbage collection costs a sixth of the time here, because there are so many spans without cycles.
    gc.disable()
    try:
        return dataclasses.asdict(write_demo(context.engine(), now(), seed))
    finally:
        gc.enable()


def _summarise_demo(report: dict[str, Any]) -> str:
    if report["was_present"]:
        return (
            f"The demo already exists (seed {report['seed']}, written {report['written_at']}); nothing was changed. "
            "To remove it: genaiops demo --remove."
        )
    return (
        f"Wrote the demo: {report['requests']} requests, {report['spans']} spans and {report['scores']} scores "
        f"of 3 applications in {report['seconds']:.1f} s."
    )


def _remove_demo(*, json: bool) -> None:
    from genaiops_core.demo.removal import remove_demo

    removed = remove_demo(context.engine(), actor=context.actor())
    if json:
        output.print_json({"removed": removed})
    elif removed:
        typer.echo(f"Removed the demo: {sum(removed.values())} rows of {len(removed)} tables.")
    else:
        typer.echo("There is no demo in this database; nothing was changed.")


def _send_live_traffic(
    seconds: float, api: str, *, is_outage: bool, json: bool, report: dict[str, Any]
) -> None:
    import httpx

    from genaiops_core.demo.live import LiveApplication, LiveSecond

    lines: list[LiveSecond] = []
    # Without the proxies of the environment: the API usually listens on this machine.
    with httpx.Client(base_url=api, timeout=10, trust_env=False) as client:
        try:
            for line in LiveApplication(client, is_outage=is_outage).run(seconds):
                lines.append(line)
                if not json:
                    typer.echo(_format_second(line))
        except KeyboardInterrupt:
            pass  # Ctrl-C ends the traffic early; the summary counts what was sent
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


def _format_second(line: Any) -> str:
    share = "unknown" if line.canary_share is None else f"{line.canary_share:.0%}"
    return (
        f"{line.at:%H:%M:%S} UTC  {line.requests} requests, {line.errors} failed; support-agent: "
        f"{line.canary_requests} of {line.routed} to {line.canary or 'a canary'}, {share} over 10 s"
    )


def _default_api_url() -> str:
    settings = context.settings()
    # An IPv6 address needs brackets in a URL.
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.api_port}"
