"""How a run was set up, so that it can be understood and repeated: judge, pace, target, rubrics, pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st
import yaml

from genaiops_core.evaluation.rate_limits import Pace
from genaiops_core.evaluation.runs import Evaluation
from pages.parts.shared import metric_names, tables, units
from pages.parts.shared.frame import Screen


def draw(_here: Screen, run: Evaluation) -> None:
    """Everything that was asked for at the launch."""
    config = run.config
    left, right = st.columns(2)
    with left:
        tables.facts(_facts(run))
    with right:
        document = config.get("pipeline")
        if document:
            st.markdown("**Pipeline**")
            st.code(
                yaml.safe_dump(document, sort_keys=False, allow_unicode=True), language="yaml", height=320
            )
        if config.get("minimums"):
            st.markdown("**Minimums given at launch**")
            tables.facts({metric_names.title(name, run): value for name, value in config["minimums"].items()})
        if target := config.get("target"):
            st.markdown("**Target**")
            st.code(json.dumps(target, indent=2, ensure_ascii=False), language="json")
    for rubric in (config.get("judge_options") or {}).get("rubrics") or ():
        _rubric(rubric)


def _facts(run: Evaluation) -> dict[str, object]:
    options = {
        name: value for name, value in (run.config.get("judge_options") or {}).items() if name != "rubrics"
    }
    pace = Pace.from_json(run.config.get("pace"))
    limit = pace.spend_limit_nano_usd
    return {
        "Evaluation": run.id,
        "Dataset": f"{run.dataset} v{run.version}",
        "Cases": _cases(run),
        "Answers": "generated" if run.config.get("target") else "those of the dataset",
        "Repetitions": run.config.get("repetitions", 1),
        "Judge": run.judge,
        **{
            f"Judge, {name.replace('_', ' ')}": value
            for name, value in options.items()
            if value not in ("", None)
        },
        "Metrics": ", ".join(metric_names.title(name, run) for name in run.metrics),
        "Calls at once": pace.concurrency,
        "Calls a minute": "no limit" if pace.calls_per_minute is None else f"{pace.calls_per_minute:,}",
        "Timeout of a score": f"{pace.unit_timeout_s:g} s",
        "Spend limit": "none" if limit is None else units.usd(limit),
        "Compared with": run.config.get("baseline") or "what the pipeline names",
        "Launched": f"{units.instant(run.created_at)} by {run.created_by}",
        "Started": units.instant(run.started_at),
        "Ended": units.instant(run.finished_at),
        "Attempts": run.attempt,
    }


def _cases(run: Evaluation) -> str:
    said = "all" if run.sample_size is None else f"at most {run.sample_size:,}"
    return f"{said} of the split {run.split}" if run.split else said


def _rubric(rubric: Mapping[str, Any]) -> None:
    with st.expander(
        f"Rubric {units.plain(rubric.get('title') or rubric.get('name'))} as it was used",
        icon=":material/rule:",
    ):
        st.code(str(rubric.get("prompt", "")), language=None, wrap_lines=True)
        tables.show(
            list(rubric.get("scale") or ()),
            {
                "label": tables.column.TextColumn("Label"),
                "value": tables.column.NumberColumn("Value", format="%.2f"),
                "meaning": tables.column.TextColumn("Meaning", width="large"),
            },
            key=f"evaluation_rubric_{rubric.get('name')}",
            alt="Scale of the rubric",
        )
