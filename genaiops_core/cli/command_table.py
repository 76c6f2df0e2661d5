"""The commands of `genaiops`: the module of each and its line of help, so that `genaiops --help` imports none of them.

A command that is called imports its own module only. A test holds the table to the help texts in the modules.
"""

from __future__ import annotations

from functools import cached_property
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMANDS: tuple[tuple[str, str, str], ...] = (
    # name, module in genaiops_core.cli, help
    ("up", "serve", "Migrate, then run UI, API and worker; Ctrl-C stops all three."),
    ("ui", "serve", "Run the console in this process."),
    ("api", "serve", "Run the API: OTLP in, OFREP out, reads and operations."),
    ("worker", "serve", "Run the worker: evaluations, closing of rollups, the rollback policy."),
    ("settings", "serve", "List every setting with its value, default and meaning; secrets are masked."),
    ("demo", "demo", "Write three demo applications with 30 days of traffic."),
    ("status", "status", "Show the health of each application by the limits of the rollback policy."),
    (
        "evaluate",
        "evaluations",
        "Score a test suite and decide its gates: exit 0 passed, 1 failed, 3 inconclusive or error.",
    ),
    (
        "gate",
        "verdicts",
        "Decide from written results: the thresholds given here, or the gates recorded in them.",
    ),
    (
        "compare",
        "verdicts",
        "Compare two results case by case: exit 0 no worse, 1 worse than allowed, 3 not to be told.",
    ),
    (
        "pr-comment",
        "verdicts",
        "Print results as Markdown for a pull request; the exit code says the verdict.",
    ),
    (
        "publish",
        "publishing",
        "Send scores to CloudWatch (GenAI/Evaluation, by ModelId) and the document to S3 (evaluations/YYYY/MM/DD/MODEL.json).",
    ),
    (
        "agreement",
        "labels",
        "How far judges agree with people, and what people would say of everything that was judged.",
    ),
    (
        "rollback",
        "rollbacks",
        "Everybody back to the stable release, or to the one before it when no canary is live; opens an incident.",
    ),
    ("db", "database", "Upgrade, inspect, back up and restore the database."),
    ("import", "imports", "Import traces, prices and datasets from files."),
    ("dataset", "datasets", "List, show and export datasets."),
    ("evaluation", "evaluation_runs", "Evaluations: runs of a test suite."),
    ("target", "target_try", "Targets: who answers the cases of an evaluation."),
    ("metric", "metrics", "What evaluations can measure."),
    ("rubric", "metrics", "Metrics in words: a prompt and a scale."),
    ("label", "labels", "Labels that people give to test cases."),
    ("release", "releases", "Releases: register, ask for approval, decide."),
    ("prompt", "releases", "Prompt versions that releases name."),
    ("rollout", "rollouts", "Rollouts: shift traffic to an approved release in steps."),
    ("policy", "rollbacks", "The rollback policy."),
    ("incident", "rollbacks", "Incidents: what went wrong, until somebody resolves it."),
    ("traces", "traces", "Search requests and export what is found."),
    ("sample", "sampling", "Production requests that are judged."),
    ("review", "reviews", "Answers that people rate; two people each."),
    ("retention", "privacy", "Delete what is older than it may be."),
    ("user", "privacy", "See or delete what is kept of one user."),
    ("audit", "audit", "The audit log, a chain of hashes."),
)


class DeferredCommand(TyperCommand):
    """Stands for a command in the help of its group; imports the command when it is called."""

    def __init__(self, name: str, module: str, help: str) -> None:
        super().__init__(name, help=help)
        self._module = module

    def get_short_help_str(self, limit: int = 45) -> str:
        """The whole line: the help of the root wraps it, and `limit` would cut it."""
        return self.help or ""

    @cached_property
    def command(self) -> Any:
        """The command itself, as its module registers it."""
        app = typer.Typer()
        import_module(f"genaiops_core.cli.{self._module}").register(app)
        return typer.main.get_group(app).commands[str(self.name)]

    @property
    def commands(self) -> dict[str, Any]:
        """The commands below it; none where it is no group."""
        return getattr(self.command, "commands", {})

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """The context of the command itself, which is what runs."""
        return self.command.make_context(*arguments, **options)


class DeferredGroup(TyperGroup):
    """The root of the command line: all commands of the table."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, module, help in COMMANDS:
            self.add_command(DeferredCommand(name, module, help))
