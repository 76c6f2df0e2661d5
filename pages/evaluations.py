"""Evaluations: is a release good enough? Launch a run, watch it, read its verdict and its worst cases."""

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.judges import judge, known_judges
from genaiops_core.evaluation.metrics import REGISTRY
from pages.parts import confirm, evaluation_view, filters, frame, keys, reads, tables, units

here = frame.guard("evaluations")
NO_RELEASE = "(no release)"


def launch_fields() -> None:
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
        [NO_RELEASE, *(one.name for one in reads.list_releases(here.url, head.filters.application))],
        key=keys.RUN_RELEASE,
        help="Whose quality this is; stages on cost, latency and regression need it.",
    )
    right.selectbox("Judge", list(known_judges()), key=keys.RUN_JUDGE)
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


def launch(reason: str) -> str:
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
    return sorted({metric for name in known_judges() for metric in judge(name).metrics if metric in REGISTRY})


def cancel(run: runs.Evaluation, reason: str) -> str:
    """Stop a run; its scores so far are kept."""
    runs.cancel(here.engine, actor=here.actor, id=run.id, reason=reason)
    reads.changed("evaluations")
    return f"Cancelled the evaluation of {run.dataset}."


@frame.live(run_every_s=1)
def draw_progress(identifier: str) -> None:
    """How far the run is; when it has ended the whole screen is drawn once more."""
    run = reads.get_evaluation(here.url, identifier)
    if not run.is_open:
        reads.changed("evaluations")
        st.rerun()
    elapsed_s = (now() - (run.started_at or run.created_at)).total_seconds()
    undefined = f", {run.units_undefined:,} undefined" if run.units_undefined else ""
    st.progress(
        run.progress,
        text=f"{run.state.capitalize()}: {run.units_done:,} of {run.units:,} scores{undefined}, {elapsed_s:.0f} s",
    )
    if not reads.is_worker_alive(here.url):
        st.warning(
            "No worker is running, so nothing moves. Start one with `genaiops worker`.",
            icon=":material/bedtime:",
        )


def draw_list(found: list[runs.Evaluation]) -> runs.Evaluation:
    """Every run, newest first; returns the one that was picked."""
    column = tables.column
    asked_for = st.query_params.get(keys.EVALUATION)
    default = next((at for at, one in enumerate(found) if one.id == asked_for), 0)
    picked = tables.pick(
        [
            {
                "at": one.created_at,
                "dataset": f"{one.dataset} v{one.version}",
                "release": f"{one.application}/{one.release}" if one.application else "",
                "state": [one.state],
                "verdict": [one.verdict] if one.verdict else [],
                "scores": one.units_done,
                "undefined": one.units_undefined,
                "judge": one.judge,
                "by": one.created_by,
            }
            for one in found
        ],
        {
            "at": column.DatetimeColumn("Launched", format="distance"),
            "dataset": column.TextColumn("Dataset"),
            "release": column.TextColumn("Release"),
            "state": tables.states("State"),
            "verdict": tables.states("Verdict"),
            "scores": column.NumberColumn("Scores", format="localized"),
            "undefined": column.NumberColumn("Undefined", format="localized"),
            "judge": column.TextColumn("Judge"),
            "by": column.TextColumn("By"),
        },
        # A new run moves the rows: start again at the newest.
        key=f"{keys.EVALUATION_TABLE}_{len(found)}",
        alt="Evaluations, newest first",
        height=250 if len(found) > 6 else "content",
        default=default,
    )
    return found[picked if picked is not None else default]


head = filters.header(
    here,
    by=(keys.APPLICATION,),
    window=False,
    action="Launch evaluation",
    action_icon=":material/play_arrow:",
    action_key=keys.EVALUATION_LAUNCH,
)
if head.clicked and not reads.list_datasets(here.url):
    st.warning("There is no dataset to evaluate on. Import one first.", icon=":material/dataset:")
    st.page_link("pages/datasets.py", label="Import a dataset", icon=":material/upload_file:")
elif head.clicked:
    confirm.ask(
        "launch",
        title="Launch an evaluation",
        icon=":material/play_arrow:",
        button="Launch",
        act=launch,
        fields=launch_fields,
        needs_reason=False,
        width="medium",
    )

found = reads.list_evaluations(here.url, head.filters.application)
with head.facts:
    st.badge(f"{len(found)} evaluations", icon=":material/science:", color="gray")
    if running := sum(one.is_open for one in found):
        st.badge(f"{running} running", icon=":material/progress_activity:", color="blue")
if not found:
    frame.empty(
        "No evaluation yet",
        "An evaluation scores the cases of a dataset and says passed, failed or inconclusive. Launch one here, or with "
        "`genaiops evaluate` in your pipeline.",
        icon="science",
        to="datasets",
    )
else:
    chosen = draw_list(found)
    with st.container(border=True):
        evaluation_view.draw_head(chosen)
        if chosen.is_open:
            draw_progress(chosen.id)
            if st.button("Cancel evaluation", icon=":material/cancel:", key=keys.EVALUATION_CANCEL):
                confirm.ask(
                    "cancel",
                    title="Cancel the evaluation",
                    icon=":material/cancel:",
                    button="Cancel evaluation",
                    act=lambda reason: cancel(chosen, reason),
                    sentence="The scores so far are kept and marked partial; there will be no verdict.",
                )
        else:
            evaluation_view.draw_results(
                chosen, reads.evaluation_scores(here.url, chosen.id, chosen.units_done)
            )
            st.caption(f"Launched by {units.plain(chosen.created_by)}, {units.instant(chosen.created_at)}")
