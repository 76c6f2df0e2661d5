"""One evaluation: verdict, metrics with intervals, gates with their reasons, and the cases behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import streamlit as st

from genaiops_core.evaluation import results
from genaiops_core.evaluation.runs import Evaluation, ScoredCase
from pages.parts import keys, tables, units


def draw_head(run: Evaluation) -> None:
    """Which run this is and what it came to."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(
            f"{units.plain(run.dataset)} v{run.version}",
            icon=":material/science:",
            anchor=False,
            width="content",
        )
        tables.badge(run.state)
        if run.verdict:
            tables.badge(run.verdict, label=f"verdict {run.verdict}", icon=":material/gavel:")
        if run.is_demo:
            tables.badge("demo", icon=":material/experiment:")
        if run.application:
            st.caption(f"{units.plain(run.application)}/{units.plain(run.release)}", width="content")
        st.caption(f"judge {units.plain(run.judge)}", width="content")


def draw_results(run: Evaluation, cases: Sequence[ScoredCase]) -> None:
    """Everything that came out of a run that has ended."""
    if run.problem:
        st.warning(units.plain(run.problem), icon=":material/info:")
    found = run.results or {}
    metrics: Mapping[str, Any] = found.get("metrics") or {}
    if metrics:
        _metrics(metrics)
    gates_tab, cases_tab = st.tabs(["Gates", "Cases"])
    with gates_tab:
        _gates(found.get("gates") or [])
        _stages(found.get("stages") or [])
    with cases_tab:
        _cases(run, cases)


def _metrics(metrics: Mapping[str, Any]) -> None:
    with st.grid(min(5, max(1, len(metrics))), min_column_width=190, gap="small"):
        for name, one in sorted(metrics.items()):
            known = one["mean"] is not None and one["low"] is not None
            st.metric(
                units.plain(one.get("title") or name),
                units.score(one["mean"]),
                f"{one['low']:.2f}–{one['high']:.2f}, n {one['n']}" if known else f"n {one['n']}",
                delta_color="off",
                delta_arrow="off",
                border=True,
                height="stretch",
                delta_description=f"{one['undefined']} undefined" if one.get("undefined") else None,
                help="A proxy: it counts words in common and is no measure of faithfulness."
                if one.get("is_proxy")
                else units.plain(one.get("method") or ""),
            )


def _gates(gates: Sequence[Mapping[str, Any]]) -> None:
    if not gates:
        st.caption("This run had no gate, so it has nothing to pass or fail.")
        return
    column = tables.column
    tables.show(
        [
            {
                "verdict": [gate["verdict"]],
                "stage": gate.get("stage"),
                "gate": gate.get("name"),
                "threshold": gate.get("threshold"),
                "measured": gate.get("measured"),
                "why": gate.get("why"),
            }
            for gate in gates
        ],
        {
            "verdict": tables.states("Verdict"),
            "stage": column.TextColumn("Stage"),
            "gate": column.TextColumn("Gate"),
            "threshold": column.NumberColumn("Asked", format="%.4g"),
            "measured": column.NumberColumn("Measured", format="%.4g"),
            "why": column.TextColumn("Why", width="large"),
        },
        key="evaluation_gates",
        alt="Gates with their verdicts and why",
    )


def _stages(stages: Sequence[Mapping[str, Any]]) -> None:
    if not stages:
        return
    with st.container(horizontal=True, gap="small"):
        for stage in stages:
            tables.badge(
                str(stage["verdict"]), label=f"{units.plain(stage['name'])} {units.plain(stage['verdict'])}"
            )


def _cases(run: Evaluation, cases: Sequence[ScoredCase]) -> None:
    if not cases:
        st.caption("No case was scored.")
        return
    names = sorted({name for case in cases for name in case.scores})
    with st.container(horizontal=True, vertical_alignment="center"):
        worst = st.selectbox(
            "Worst first by",
            names,
            index=None,
            placeholder="In the order of the dataset",
            key=keys.EVALUATION_SORT,
            label_visibility="collapsed",
            width=280,
        )
        undefined_only = st.toggle("Undefined only", key="evaluation_undefined")
        st.space("stretch")
        st.download_button(
            "results.json",
            data=lambda: orjson.dumps(results.document(run, cases), option=orjson.OPT_INDENT_2, default=str),
            file_name=f"results-{run.id}.json",
            mime="application/json",
            icon=":material/download:",
            key="evaluation_download",
            on_click="ignore",
        )
    shown = [
        case for case in cases if not undefined_only or any(s.value is None for s in case.scores.values())
    ]
    if worst:
        shown = sorted(shown, key=lambda case: _badness(case, worst))
    column = tables.column
    picked = tables.pick(
        [
            {
                "case": case.case_no,
                "input": case.case.input,
                **{name: case.scores[name].value if name in case.scores else None for name in names},
                "answer": case.case.answer,
            }
            for case in shown
        ],
        {
            "case": column.NumberColumn("Case", width=52),
            "input": column.TextColumn("Input", width="medium"),
            **{name: column.NumberColumn(_heading(name), format="%.3f") for name in names},
            "answer": column.TextColumn("Answer", width="medium"),
        },
        key=keys.EVALUATION_CASES,
        alt="Scores of each case; select one to read its texts",
    )
    if picked is not None:
        _case(shown[picked])
    else:
        st.caption("Select a case to read it.")


def _badness(case: ScoredCase, metric: str) -> tuple[bool, float]:
    """Lowest first; cases without a value come last, because they are not known to be bad."""
    value = case.scores[metric].value if metric in case.scores else None
    return (value is None, value if value is not None else 0.0)


def _heading(name: str) -> str:
    entry = results.REGISTRY.get(name)
    return f"{name.replace('_', ' ')}{' (proxy)' if entry and entry.is_proxy else ''}"


def _case(case: ScoredCase) -> None:
    """The texts of one case, shown as text: they may come from anywhere."""
    left, right = st.columns(2)
    with left:
        _text("Input", case.case.input)
        _text("Answer", case.case.answer)
        _text("Reference", case.case.reference)
    with right:
        for at, context in enumerate(case.case.contexts or ()):
            _text(f"Context {at + 1}", context)
        if reasons := {name: one.reason for name, one in case.scores.items() if one.reason}:
            tables.facts(reasons)


def _text(title: str, body: str | None) -> None:
    if body:
        st.markdown(f"**{title}**")
        st.code(body, language=None, wrap_lines=True)
