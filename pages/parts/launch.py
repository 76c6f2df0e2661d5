"""The dialog that launches an evaluation."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation import runs
from genaiops_core.evaluation.judges import judge, known_judges
from genaiops_core.evaluation.metrics import REGISTRY
from pages.parts import confirm, keys, reads
from pages.parts.frame import Screen

NO_RELEASE = "(no release)"


def ask(here: Screen, application: str | None) -> None:
    """Open it; releases of `application` are offered, or of all."""
    confirm.ask(
        "launch",
        title="Launch an evaluation",
        icon=":material/play_arrow:",
        button="Launch",
        act=lambda reason: _launch(here, reason),
        fields=lambda: _fields(here, application),
        needs_reason=False,
        width="medium",
    )


def _fields(here: Screen, application: str | None) -> None:
    """What to evaluate, on which cases, by whom, and how good it has to be."""
    suites = reads.list_datasets(here.url)
    left, right = st.columns([2, 1])
    left.selectbox(
        "Dataset",
        [one.dataset for one in suites],
        format_func=lambda name: next(
            f"{one.dataset} ({one.cases:,} cases)" for one in suites if one.dataset == name
        ),
        key=keys.RUN_DATASET,
    )
    right.number_input("Version", min_value=1, value=None, step=1, key=keys.RUN_VERSION, placeholder="newest")
    left, right = st.columns([2, 1])
    left.selectbox(
        "Release",
        [NO_RELEASE, *(one.name for one in reads.list_releases(here.url, application))],
        key=keys.RUN_RELEASE,
        help="Whose quality this is; stages on cost, latency and regression need it.",
    )
    right.selectbox("Judge", [one.kind for one in known_judges() if one.pattern == one.kind], key=keys.RUN_JUDGE)
    st.number_input(
        "Sample size", min_value=1, value=None, step=1, key=keys.RUN_SAMPLE, placeholder="all cases"
    )
    st.markdown("**Minimums**", help="Without any, the stages of `config/evaluation_pipeline.yaml` decide.")
    for column, metric in zip(st.columns(2) * 8, _metrics(), strict=False):
        column.number_input(
            REGISTRY[metric].title,
            min_value=0.0,
            max_value=1.0,
            value=None,
            step=0.05,
            key=keys.run_minimum(metric),
            placeholder="no minimum",
            help=REGISTRY[metric].description,
        )


def _launch(here: Screen, reason: str) -> str:
    """Queue the run; a worker takes it up."""
    state = st.session_state
    application, _, release = str(state[keys.RUN_RELEASE] or NO_RELEASE).partition("/")
    minimums = {
        metric: float(value)
        for metric in _metrics()
        if (value := state.get(keys.run_minimum(metric))) is not None
    }
    runs.launch(
        here.engine,
        actor=here.actor,
        dataset=str(state[keys.RUN_DATASET] or ""),
        version=state[keys.RUN_VERSION],
        judge=str(state[keys.RUN_JUDGE]),
        minimums=minimums or None,
        application="" if application == NO_RELEASE else application,
        release=release,
        sample_size=state[keys.RUN_SAMPLE],
        reason=reason,
    )
    reads.changed("evaluations")
    return f"Launched an evaluation of {state[keys.RUN_DATASET]}."


def _metrics() -> list[str]:
    return sorted(judge("offline").defaults)
