"""The commands of `genaiops` with their modules and help lines, so that `genaiops --help` imports no command.

Calling a command imports its own module only. A test compares the table with the help texts in the modules.
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
    ("api", "serve", "Run the API: OTLP ingest, OFREP flags, queries and operations."),
    ("worker", "serve", "Run the worker: evaluations, rollups and the rollback policy."),
    ("settings", "serve", "List every setting with its value, default and description; secrets are masked."),
    ("demo", "demo", "Write three demo applications with 30 days of traffic."),
    ("status", "status", "Show the health of each application by the thresholds of the rollback policy."),
    (
        "evaluate",
        "evaluations",
        "Score a test suite and decide its gates: exit 0 passed, 1 failed, 3 inconclusive or error.",
    ),
    (
        "gate",
        "verdicts",
        "Evaluate gates against saved results: the thresholds of this command, or the gates in the results.",
    ),
    (
        "compare",
        "verdicts",
        "Compare two results case by case: exit 0 no worse, 1 worse than allowed, 3 inconclusive.",
    ),
    (
        "pr-comment",
        "verdicts",
        "Print results as Markdown for a pull request; the exit code is the verdict.",
    ),
    (
        "publish",
        "publishing",
        "Send scores to CloudWatch (GenAI/Evaluation, by ModelId) and the document to S3 (evaluations/YYYY/MM/DD/MODEL.json).",
    ),
    (
        "agreement",
        "labels",
        "Measure judge-human agreement, and estimate the mean human rating of all judged answers.",
    ),
    (
        "rollback",
        "rollbacks",
        "Route all traffic to the stable release, or without a canary to the previous release; opens an incident.",
    ),
    ("db", "database", "Upgrade, inspect, back up and restore the database."),
    ("import", "imports", "Import traces, prices and datasets from files."),
    ("dataset", "datasets", "List, show, export and change datasets."),
    ("evaluation", "evaluation_runs", "List, show, pause, resume, cancel and wait for evaluations."),
    ("target", "target_try", "Test the target that answers the cases of an evaluation."),
    ("metric", "metrics", "List the metrics of evaluations."),
    ("rubric", "metrics", "LLM-judged rubrics: a prompt and a scale."),
    ("label", "labels", "Import and list human labels of test cases."),
    ("release", "releases", "Register releases, request approval, approve and reject."),
    ("prompt", "releases", "Add and list prompt versions of releases."),
    ("rollout", "rollouts", "Shift traffic to an approved release in steps."),
    ("policy", "rollbacks", "Validate a rollback policy."),
    ("incident", "rollbacks", "List and resolve incidents."),
    ("traces", "traces", "Search and export requests."),
    ("sample", "sampling", "Production sampling."),
    ("review", "reviews", "Human reviews (two reviewers per answer)."),
    ("retention", "privacy", "Delete expired data."),
    ("user", "privacy", "Show or delete the data of a user."),
    ("audit", "audit", "List, verify and export the audit log, a chain of hashes."),
)


class DeferredCommand(TyperCommand):
    """Placeholder of a command in the help of its group; calling it imports the command."""

    def __init__(self, name: str, module: str, help: str) -> None:
        super().__init__(name, help=help)
        self._module = module

    def get_short_help_str(self, limit: int = 45) -> str:
        """Return the full line: the help of the root wraps it, so it is not cut at `limit`."""
        return self.help or ""

    # Cached, because help, completion and the call each use the command.
    @cached_property
    def command(self) -> Any:
        """The command that its module registers."""
        app = typer.Typer()
        import_module(f"genaiops_core.cli.{self._module}").register(app)
        return typer.main.get_group(app).commands[str(self.name)]

    @property
    def commands(self) -> dict[str, Any]:
        """The subcommands; empty when the command is not a group."""
        return getattr(self.command, "commands", {})

    def make_context(self, *arguments: Any, **options: Any) -> Any:
        """Make the context of the real command, so that the real command runs."""
        return self.command.make_context(*arguments, **options)


class DeferredGroup(TyperGroup):
    """The root of the command line with all commands of the table."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, module, help in COMMANDS:
            self.add_command(DeferredCommand(name, module, help))
