"""People label the answers of a run, one by one, without seeing what the judge said of them."""

from __future__ import annotations

import streamlit as st

from genaiops_core.evaluation.human import judged, labels
from genaiops_core.evaluation.human.agreement import MIN_LABELS
from genaiops_core.evaluation.human.reviews import LABELS, METRICS
from genaiops_core.evaluation.runs import Evaluation
from pages.parts.reads import cache, human
from pages.parts.reviews import review_keys
from pages.parts.shared import confirm, units
from pages.parts.shared.frame import Screen

_ORDERS = {"random": "In random order", "nearest": "Nearest the threshold"}
_QUEUE = 50
_MOST_CONTEXTS = 10
_QUESTIONS = {one.name: one.question for one in METRICS}


def draw(screen: Screen, run: Evaluation) -> None:
    """What to label, then the next answer, with a button a label."""
    st.subheader("Label cases", icon=":material/label:", anchor=False)
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    metric = left.selectbox(
        "What is judged",
        list(dict.fromkeys([*labels.SUGGESTED, *run.metrics])),
        key=review_keys.LABEL_METRIC,
        accept_new_options=True,
        help="Any name will do; a label called like a metric is held against it.",
    )
    order = right.segmented_control(
        "Which cases first",
        list(_ORDERS),
        default="random",
        key=review_keys.LABEL_ORDER,
        format_func=_ORDERS.__getitem__,
        help="Labels in random order are a random sample, as the corrected mean needs. Those nearest the threshold "
        "tell most about where judge and people part; the corrected mean leaves them out.",
    )
    order = order or "random"
    of = run.metrics[0] if run.metrics else ""
    if order == "nearest":
        of = st.selectbox("Threshold of", run.metrics, key=review_keys.LABEL_NEAREST_OF) or of
    if not metric:
        return
    name = labels.checked_metric(metric)
    waiting = human.list_answers_to_label(
        screen.url, run.id, run.units_done, name, screen.actor, order, of, _QUEUE
    )
    skipped = st.session_state.get(review_keys.LABEL_SKIPPED, set())
    waiting = [one for one in waiting if (name, one.case_sha256) not in skipped]
    _draw_progress(screen, run, name)
    if not waiting:
        st.caption("Nothing is left to label here.")
        return
    _draw_case(screen, run, waiting[0], name, order)


def _draw_progress(screen: Screen, run: Evaluation, metric: str) -> None:
    count = next((one for one in human.count_labels(screen.url, run.dataset) if one.metric == metric), None)
    cases = count.cases if count else 0
    st.progress(
        min(1.0, cases / MIN_LABELS),
        text=f"{units.format_quantity(cases, 'case')} of {units.escape_markdown(run.dataset)} labelled"
        + ("" if cases >= MIN_LABELS else f"; from {MIN_LABELS} on there are figures"),
    )


def _draw_case(screen: Screen, run: Evaluation, one: judged.JudgedAnswer, metric: str, order: str) -> None:
    st.caption(f"Case {one.case_no}")
    st.code(one.input, language=None, wrap_lines=True)
    st.caption("Answer")
    st.code(one.answer or "(no answer)", language=None, wrap_lines=True)
    contexts = human.list_contexts(screen.url, run.id, one.case_no)
    if contexts:
        with st.expander(units.format_quantity(len(contexts), "context")):
            for text in contexts[:_MOST_CONTEXTS]:
                st.code(text, language=None, wrap_lines=True)
    if question := _QUESTIONS.get(metric):
        st.markdown(units.escape_markdown(question))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for word, value in LABELS.items():
            st.button(
                word.capitalize(),
                key=review_keys.label_value(word),
                on_click=confirm.run_action,
                args=(lambda value=value: _label(screen, run, one, metric, order, value),),
            )
        st.space("stretch")
        st.button(
            "Skip",
            key=review_keys.LABEL_SKIP,
            icon=":material/skip_next:",
            on_click=_skip,
            args=(metric, one.case_sha256),
        )


def _label(
    screen: Screen, run: Evaluation, one: judged.JudgedAnswer, metric: str, order: str, value: float
) -> str:
    labels.label_case(
        screen.engine,
        actor=screen.actor,
        dataset=run.dataset,
        input=one.input,
        answer=one.answer,
        metric=metric,
        value=value,
        source=labels.RANDOM if order == "random" else labels.NEAREST,
    )
    cache.invalidate("labels")
    return f"Case {one.case_no}: kept."


def _skip(metric: str, case_sha256: str) -> None:
    """Not now: it comes again in the next visit."""
    st.session_state[review_keys.LABEL_SKIPPED] = st.session_state.get(review_keys.LABEL_SKIPPED, set()) | {
        (metric, case_sha256)
    }
