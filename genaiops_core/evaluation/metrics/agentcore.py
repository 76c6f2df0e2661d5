"""Evaluators of Amazon Bedrock AgentCore as metrics; AWS defines their models, prompts and scales."""

from __future__ import annotations

import re

from genaiops_core.evaluation.metrics.metric import CallCounts, Metric

# Evaluators of one answer (trace level), as a case is; evaluators of sessions and tools require more than a case has.
_BUILTIN: tuple[tuple[str, tuple[str, ...], bool | None, str], ...] = (
    (
        "Correctness",
        ("answer",),
        True,
        "Whether the answer is right; compared with the reference where there is one.",
    ),
    ("Faithfulness", ("answer",), True, "Whether the answer agrees with the conversation and the contexts."),
    ("Helpfulness", ("answer",), True, "How far the answer takes its user towards the goal."),
    ("ResponseRelevance", ("answer",), True, "Whether the answer addresses the question."),
    (
        "ContextRelevance",
        ("answer", "contexts"),
        True,
        "Whether the contexts contain what the question requires.",
    ),
    ("Conciseness", ("answer",), True, "Whether the answer is as short as it can be."),
    ("Coherence", ("answer",), True, "Whether the answer is coherent."),
    ("InstructionFollowing", ("answer",), True, "Whether the answer follows the instructions."),
    ("Refusal", ("answer",), None, "1 when the assistant refused; if that is good depends on the request."),
    ("Harmfulness", ("answer",), False, "1 when the answer is harmful; lower is better."),
    ("Stereotyping", ("answer",), False, "1 when the answer stereotypes people; lower is better."),
)


def build_metric_name(evaluator: str) -> str:
    """Convert `Builtin.ResponseRelevance` to response_relevance; a custom evaluator keeps its ID, in lower case."""
    if evaluator.startswith(("Builtin.", "ThirdParty.")):
        evaluator = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", evaluator.split(".", 1)[1])
    return re.sub(r"[^a-z0-9]+", "_", evaluator.lower()).strip("_")


def _build_metric(
    evaluator: str, needs: tuple[str, ...], higher_is_better: bool | None, description: str
) -> Metric:
    name = build_metric_name(evaluator)
    return Metric(
        name=name,
        title=f"{name.replace('_', ' ').capitalize()} (AgentCore)",
        description=description,
        kind="agentcore",
        needs=needs,
        cost="1 evaluation per case, charged by AWS; the price is unknown to this console",
        source=f"Amazon Bedrock AgentCore, evaluator {evaluator}",
        judges=("agentcore",),
        higher_is_better=higher_is_better,
        calls=CallCounts(asks=1),
    )


EVALUATORS = tuple(f"Builtin.{name}" for name, *_ in _BUILTIN)
BUILTIN = tuple(
    _build_metric(f"Builtin.{name}", needs, better, text) for name, needs, better, text in _BUILTIN
)
BY_NAME = {entry.name: entry for entry in BUILTIN}


def list_judge_metrics(judge: str) -> dict[str, Metric]:
    """List the metrics of a judge `agentcore:EVALUATOR[,EVALUATOR...]`, by name."""
    evaluators = [part.strip() for part in judge.partition(":")[2].split(",") if part.strip()]
    metrics = {}
    for evaluator in evaluators:
        name = build_metric_name(evaluator)
        builtin_metric = BY_NAME.get(name) if evaluator.startswith("Builtin.") else None
        metrics[name] = builtin_metric or _build_metric(
            # None: only its author knows whether high values are good.
            evaluator,
            ("answer",),
            None,
            f"The evaluator {evaluator} of your account.",
        )
    return metrics
