"""Two runs of the database compared, and the comparison as a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
import sqlalchemy as sa

from genaiops_core.evaluation.datasets.exports import formula_safe
from genaiops_core.evaluation.runs import details, records, results
from genaiops_core.evaluation.runs.records import Evaluation
from genaiops_core.evaluation.verdicts import compare, documents, pairing
from genaiops_core.evaluation.verdicts.compare import Comparison
from genaiops_core.evaluation.verdicts.pairing import CaseChange
from genaiops_core.evaluation.verdicts.scales import Scale

_IDENTITY_FIELDS = ("application", "release", "dataset", "version", "judge")


@dataclass(frozen=True, kw_only=True)
class RunComparison:
    """Two runs, how they differ, and on which scales."""

    baseline: Evaluation
    current: Evaluation
    comparison: Comparison
    scales: Mapping[str, Scale]
    """Of the metrics that both runs measured."""

    def changes(self, metric: str | None = None, *, rising: bool = False) -> list[CaseChange]:
        """Cases that fell (or rose), the most first; of one metric, or of all together."""
        scales = {name: scale for name, scale in self.scales.items() if metric in (None, name)}
        return (pairing.risen if rising else pairing.dropped)(self.comparison.pairs, scales)

    def as_json(self) -> bytes:
        """Everything, with every case that fell or rose."""
        body: dict[str, Any] = {
            "baseline": _describe_run(self.baseline),
            "current": _describe_run(self.current),
            **self.comparison.as_json(),
            "regressions": [one.as_json() for one in self.changes()],
            "improvements": [one.as_json() for one in self.changes(rising=True)],
        }
        return orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n"

    def as_csv(self) -> bytes:
        """A row for each case and metric with a value in both runs, what fell most first; safe in a spreadsheet."""
        stream = io.StringIO()
        writer = csv.writer(stream)
        fields = ("metric", "case", "baseline_case", "input", "baseline", "current", "difference")
        writer.writerow([*fields, "baseline_answer", "current_answer"])
        for name, scale in self.scales.items():
            for one in pairing.changes(self.comparison.pairs, name, scale):
                row = one.as_json()
                writer.writerow(
                    formula_safe(value) if isinstance(value, str) else value for value in row.values()
                )
        return stream.getvalue().encode()


def compare_runs(
    connection: sa.Connection,
    baseline: str,
    current: str,
    *,
    max_degradation: float = compare.MAX_DEGRADATION,
    method: str = compare.BOOTSTRAP,
) -> RunComparison:
    """Compare two runs by id.

    Raises:
        NotFound: there is no such run.
        BadInput: there is no such method.
    """
    before, after = records.get_evaluation(connection, baseline), records.get_evaluation(connection, current)
    baseline_document, current_document = (results.build_document(run, details.load_details(connection, run)) for run in (before, after))
    comparison = compare.compare_documents(baseline_document, current_document, max_degradation, method=method)
    metrics = documents.metrics_of(current_document)
    return RunComparison(
        baseline=before,
        current=after,
        comparison=comparison,
        scales={name: one.scale for name, one in metrics.items() if name in baseline_document["metrics"]},
    )


def _describe_run(run: Evaluation) -> dict[str, Any]:
    return {"evaluation": run.id, **{name: getattr(run, name) for name in _IDENTITY_FIELDS}}
