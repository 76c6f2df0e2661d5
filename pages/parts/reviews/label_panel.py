"""The labelling of an evaluation's answers, one by one; the judge's scores stay hidden from the labeller."""

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

_ORDER_TITLES = {"random": "Random order", "nearest": "Nearest to threshold"}
_QUEUE_LENGTH = 50
_MAX_CONTEXTS = 10
_QUESTIONS = {criterion.name: criterion.question for criterion in METRICS}


def draw(screen: Screen, evaluation: Evaluation) -> None:
    """Draw the choice of criterion and order, then the next answer with one button per label."""
    st.subheader("Label cases", icon=":material/label:", anchor=False)
    metric_column, order_column = st.columns([2, 3], vertical_alignment="bottom")
    metric = metric_column.selectbox(
        "Criterion",
        list(dict.fromkeys([*labels.SUGGESTED, *evaluation.metrics])),
        key=review_keys.LABEL_METRIC,
        accept_new_options=True,
        help="Choose a criterion, or type any name. A label with the name of a metric is compared with that metric.",
    )
    order = order_column.segmented_control(
        "Order of cases",
        list(_ORDER_TITLES),
        default="random",
        key=review_keys.LABEL_ORDER,
        format_func=_ORDER_TITLES.__getitem__,
        help="Labels in random order are a random sample, which the corrected mean needs. Labels nearest to the "
        "threshold show best where judge and humans disagree; the corrected mean excludes them.",
    )
    order = order or "random"
    threshold_metric = evaluation.metrics[0] if evaluation.metrics else ""
    if order == "nearest":
        threshold_metric = (
            st.selectbox("Threshold of", evaluation.metrics, key=review_keys.LABEL_NEAREST_OF)
            or threshold_metric
        )
    if not metric:
        return
    label_name = labels.check_metric_name(metric)
    answers = human.list_answers_to_label(
        screen.url,
        evaluation.id,
        evaluation.units_done,
        label_name,
        screen.actor,
        order,
        threshold_metric,
        _QUEUE_LENGTH,
    )
    skipped = st.session_state.get(review_keys.LABEL_SKIPPED, set())
    answers = [answer for answer in answers if (label_name, answer.case_sha256) not in skipped]
    _draw_progress(screen, evaluation, label_name)
    if not answers:
        st.caption("Every case is labelled or skipped.")
        return
    _draw_case(screen, evaluation, answers[0], label_name, order)


def _draw_progress(screen: Screen, evaluation: Evaluation, metric: str) -> None:
    count = next(
        (item for item in human.count_labels(screen.url, evaluation.dataset) if item.metric == metric), None
    )
    cases = count.cases if count else 0
    st.progress(
        min(1.0, cases / MIN_LABELS),
        text=f"{units.format_quantity(cases, 'case')} of {units.escape_markdown(evaluation.dataset)} labelled"
        + ("" if cases >= MIN_LABELS else f"; agreement needs {MIN_LABELS}"),
    )


def _draw_case(
    screen: Screen, evaluation: Evaluation, answer: judged.ScoredAnswer, metric: str, order: str
) -> None:
    st.caption(f"Case {answer.case_no}")
    st.code(answer.input, language=None, wrap_lines=True)
    st.caption("Answer")
    st.code(answer.answer or "(no answer)", language=None, wrap_lines=True)
    contexts = human.list_contexts(screen.url, evaluation.id, answer.case_no)
    if contexts:
        with st.expander(units.format_quantity(len(contexts), "context")):
            for context in contexts[:_MAX_CONTEXTS]:
                st.code(context, language=None, wrap_lines=True)
    if question := _QUESTIONS.get(metric):
        st.markdown(units.escape_markdown(question))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for label, value in LABELS.items():
            st.button(
                label.capitalize(),
                key=review_keys.label_value(label),
                on_click=confirm.run_action,
                # The default value binds the current label; a plain closure would see the last one.
                args=(lambda value=value: _save_label(screen, evaluation, answer, metric, order, value),),
            )
        st.space("stretch")
        st.button(
            "Skip",
            key=review_keys.LABEL_SKIP,
            icon=":material/skip_next:",
            on_click=_skip,
            args=(metric, answer.case_sha256),
        )


def _save_label(
    screen: Screen, evaluation: Evaluation, answer: judged.ScoredAnswer, metric: str, order: str, value: float
) -> str:
    labels.label_case(
        screen.engine,
        actor=screen.actor,
        dataset=evaluation.dataset,
        input=answer.input,
        answer=answer.answer,
        metric=metric,
        value=value,
        source=labels.RANDOM if order == "random" else labels.NEAREST,
    )
    cache.invalidate("labels")
    return f"Saved the label of case {answer.case_no}."


def _skip(metric: str, case_sha256: str) -> None:
    """Skip an answer for this session only."""
    st.session_state[review_keys.LABEL_SKIPPED] = st.session_state.get(review_keys.LABEL_SKIPPED, set()) | {
        (metric, case_sha256)
    }
