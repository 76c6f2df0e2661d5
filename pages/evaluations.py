"""Evaluations: is a release good enough? Launch a run, watch it, read its verdict and its worst cases."""

import streamlit as st

from genaiops_core.clock import now
from genaiops_core.evaluation import runs
from pages.parts import confirm, evaluation_view, filters, frame, keys, launch, reads, tables, units

here = frame.guard("evaluations")


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
    launch.ask(here, head.filters.application)

found = reads.list_evaluations(here.url, head.filters.application)
with head.facts:
    st.badge(units.things(len(found), "evaluation"), icon=":material/science:", color="gray")
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
