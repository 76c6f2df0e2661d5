"""The setup of an evaluation, so that it can be repeated: judge, rate limits, target, rubrics, pipeline."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import streamlit as st
import yaml

from genaiops_core.evaluation.rate_limits import RateLimits
from genaiops_core.evaluation.runs import Evaluation
from pages.parts.shared import metric_names, tables, units
from pages.parts.shared.frame import Screen


def draw(_screen: Screen, evaluation: Evaluation) -> None:
    """Draw every choice that was made at launch."""
    config = evaluation.config
    facts_column, documents_column = st.columns(2)
    with facts_column:
        tables.draw_facts(_collect_facts(evaluation))
    with documents_column:
        document = config.get("pipeline")
        if document:
            st.markdown("**Pipeline**")
            st.code(
                yaml.safe_dump(document, sort_keys=False, allow_unicode=True), language="yaml", height=320
            )
        if config.get("minimums"):
            st.markdown("**Minimums set at launch**")
            tables.draw_facts(
                {
                    metric_names.format_title(name, evaluation): value
                    for name, value in config["minimums"].items()
                }
            )
        if target := config.get("target"):
            st.markdown("**Target**")
            st.code(json.dumps(target, indent=2, ensure_ascii=False), language="json")
    for rubric in (config.get("judge_options") or {}).get("rubrics") or ():
        _draw_rubric(rubric)


def _collect_facts(evaluation: Evaluation) -> dict[str, object]:
    options = {
        name: value
        for name, value in (evaluation.config.get("judge_options") or {}).items()
        if name != "rubrics"
    }
    limits = RateLimits.from_json(evaluation.config.get("pace"))
    limit_nano_usd = limits.spend_limit_nano_usd
    return {
        "Evaluation": evaluation.id,
        "Dataset": f"{evaluation.dataset} v{evaluation.version}",
        "Cases": _format_cases(evaluation),
        "Answers": "generated" if evaluation.config.get("target") else "from the dataset",
        "Repetitions": evaluation.config.get("repetitions", 1),
        "Judge": evaluation.judge,
        **{
            f"Judge, {name.replace('_', ' ')}": value
            for name, value in options.items()
            if value not in ("", None)
        },
        "Metrics": ", ".join(metric_names.format_title(name, evaluation) for name in evaluation.metrics),
        "Concurrent calls": limits.concurrency,
        "Calls per minute": "no limit" if limits.calls_per_minute is None else f"{limits.calls_per_minute:,}",
        "Timeout per score": f"{limits.unit_timeout_s:g} s",
        "Spend limit": "none" if limit_nano_usd is None else units.format_usd(limit_nano_usd),
        "Baseline": evaluation.config.get("baseline") or "as named by the pipeline",
        "Launched": f"{units.format_instant(evaluation.created_at)} by {evaluation.created_by}",
        "Started": units.format_instant(evaluation.started_at),
        "Ended": units.format_instant(evaluation.finished_at),
        "Attempts": evaluation.attempt,
    }


def _format_cases(evaluation: Evaluation) -> str:
    sample = "all" if evaluation.sample_size is None else f"at most {evaluation.sample_size:,}"
    return f"{sample} of the split {evaluation.split}" if evaluation.split else sample


def _draw_rubric(rubric: Mapping[str, Any]) -> None:
    with st.expander(
        f"Rubric {units.escape_markdown(rubric.get('title') or rubric.get('name'))} as used by this evaluation",
        icon=":material/rule:",
    ):
        st.code(str(rubric.get("prompt", "")), language=None, wrap_lines=True)
        tables.draw(
            list(rubric.get("scale") or ()),
            {
                "label": tables.column.TextColumn("Label"),
                "value": tables.column.NumberColumn("Value", format="%.2f"),
                "meaning": tables.column.TextColumn("Meaning", width="large"),
            },
            key=f"evaluation_rubric_{rubric.get('name')}",
            alt="Scale of the rubric",
        )
