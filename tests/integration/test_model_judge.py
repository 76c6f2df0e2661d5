"""Judges with a model: RAGAS and rubrics against a loopback server whose answers follow from words in common."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
import json
from typing import Any

import pytest

from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.judges import create_judge, ragas_metrics
from genaiops_core.evaluation.judges.answers import MalformedAnswer, parse_answer
from genaiops_core.evaluation.judges.protocol import ANY_ANSWER, AnswerRules
from genaiops_core.evaluation.judges.ragas_answers import make_strict_type
from genaiops_core.evaluation.metrics import REGISTRY, lookup_metric, measure, ragas
from genaiops_core.evaluation.models.protocol import CallFailed, Prompt, Reply, Usage
from tests.conftest import JudgeServer
from tests.direct_calls import DirectCalls, judge_case

CASE = Case(
    input="How tall is Mount Everest?",
    answer="Mount Everest is 8849 metres tall. Pigeons built it.",
    contexts=("Mount Everest is 8849 metres tall.", "Bread is baked in ovens."),
    reference="Mount Everest is 8849 metres tall.",
)
BEDROCK = "bedrock:amazon.nova-pro-v1:0"


@pytest.fixture(params=["bedrock", "openai"])
def name(request: pytest.FixtureRequest, judge_server: JudgeServer) -> str:
    return BEDROCK if request.param == "bedrock" else f"openai:m@{judge_server.url}/v1"


def test_four_ragas_metrics_work_on_both_protocols(name: str, judge_server: JudgeServer) -> None:
    judgements = {metric: judge_case(name, metric, CASE)[0] for metric in ragas.DEFAULTS}
    # one of two statements is in the contexts; the first of two contexts holds the reference
    assert judgements["faithfulness"].value == 0.5
    assert judgements["context_precision"].value == pytest.approx(1, abs=1e-9)
    assert judgements["context_recall"].value == 1
    assert 0 < (judgements["answer_relevancy"].value or 0) < 1
    assert judgements["faithfulness"].reason == (
        "1 of 2 statements follow from the contexts; not: Pigeons built it. (words in common)"
    )
    assert judgements["context_precision"].reason == "useful contexts: 1 of 2"
    # 2 + 2 contexts + 1 and (1 + 2 embeddings): what the registry promises
    assert judge_server.state()["calls"] == sum(REGISTRY[metric].calls.of(2) for metric in ragas.DEFAULTS)


@pytest.mark.parametrize("metric", [entry.name for entry in ragas.ENTRIES if entry.name != "answer_accuracy"])
def test_ragas_metrics_make_the_registered_calls(metric: str, judge_server: JudgeServer) -> None:
    judgement, calls = judge_case(BEDROCK, metric, CASE)
    assert judgement.value is not None and 0 <= judgement.value <= 1
    entry = REGISTRY[metric]
    assert len(calls.prompts) == entry.calls.asks + 2 * entry.calls.asks_per_context
    assert len(calls.embedded) == entry.calls.embeddings


@pytest.mark.parametrize("metric", [entry.name for entry in ragas.ENTRIES])
def test_incomplete_case_is_undefined_without_a_call(metric: str, judge_server: JudgeServer) -> None:
    for field in REGISTRY[metric].needs:
        judgement, calls = judge_case(BEDROCK, metric, dataclasses.replace(CASE, **{field: None}))
        assert (judgement.value, judgement.is_failed, calls.prompts) == (None, False, [])
        assert judgement.reason


class Answering(DirectCalls):
    """Gives what it is told instead of asking anybody; what does not fit fails at once, without a repair."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        super().__init__(None)
        self.answers = list(answers)

    async def ask(self, prompt: Prompt, answer: type[Any], rules: AnswerRules = ANY_ANSWER) -> Any:
        answer_document = self.answers.pop(0)
        if isinstance(answer_document, Exception):
            raise answer_document
        reply = Reply(text=json.dumps(answer_document), usage=Usage(), latency_ms=1.0)
        try:
            return parse_answer(reply, answer, rules)
        except MalformedAnswer as error:
            raise CallFailed(f"malformed: {error}") from error

    async def embed(self, text: str) -> tuple[float, ...]:
        return (1.0, -0.2) if text == CASE.input else (-1.0, 0.0)


def judge_answers(metric: str, *answers: dict[str, Any] | Exception) -> Any:
    return asyncio.run(create_judge(BEDROCK).judge(CASE, metric, Answering(*answers)))


def test_nothing_to_measure_is_undefined() -> None:
    assert judge_answers("faithfulness", {"statements": []}).value is None
    assert judge_answers("context_recall", {"classifications": []}).value is None
    assert judge_answers("answer_relevancy", {"question": "", "noncommittal": 0}).reason == (
        "the judge generated no question from the answer"
    )
    # RAGAS itself gives 1 here
    nothing = judge_answers("answer_correctness", {"statements": []}, {"statements": []})
    assert (nothing.value, nothing.reason) == (None, "the judge found no statement in a text")


def test_numbers_off_the_scale_fail_the_unit() -> None:
    right = {"reason": "", "verdict": 1}
    assert judge_answers("context_precision", right, right).value == pytest.approx(1)
    for metric, wrong, problem in OFF_SCALE:
        with pytest.raises(CallFailed, match=problem):
            judge_answers(metric, *wrong)
    assert judge_answers("answer_accuracy", {"rating": 4}, {"rating": "2"}).value == 0.75
    # a cosine below 0 says no more than 0
    assert judge_answers("answer_relevancy", {"question": "Why?", "noncommittal": False}).value == 0


def judge_parts(*verdicts: Any) -> list[dict[str, Any]]:
    """Verdicts on the two statements of the case's answer."""
    parts = ["Mount Everest is 8849 metres tall.", "Pigeons built it."]
    return [
        {"statement": part, "reason": "", "verdict": verdict}
        for part, verdict in zip(parts, verdicts, strict=False)
    ]


STATEMENTS = {"statements": ["Mount Everest is 8849 metres tall.", "Pigeons built it."]}
CLAIMS = {"claims": STATEMENTS["statements"]}
TALL, BUILT = ({"statement": part, "reason": ""} for part in STATEMENTS["statements"])
NO_CLASSES: dict[str, Any] = {"TP": [], "FP": [], "FN": []}
OFF_SCALE: list[tuple[str, list[dict[str, Any]], str]] = [
    ("context_precision", [{"reason": "", "verdict": 3}], "verdict: Input should be 0 or 1"),
    ("context_utilization", [{"reason": "", "verdict": -1}], "verdict: Input should be 0 or 1"),
    ("faithfulness", [STATEMENTS, {"statements": judge_parts(1, 7)}], "statements.1.verdict: Input should"),
    (
        "faithfulness",
        [STATEMENTS, {"statements": judge_parts(1, None)}],
        "statements.1.verdict: Input should",
    ),
    ("faithfulness", [STATEMENTS, {"statements": judge_parts(1, float("nan"))}], "NaN is no number of JSON"),
    ("faithfulness", [STATEMENTS, {"statements": judge_parts(1, 0.5)}], "statements.1.verdict: Input should"),
    ("faithfulness", [{"statements": ["Pigeons built it.", " "]}], "must not be blank"),
    (
        "context_recall",
        [{"classifications": [{"statement": "Mount Everest", "reason": "", "attributed": 2}]}],
        "attributed: Input should be 0 or 1",
    ),
    ("answer_relevancy", [{"question": "Why?", "noncommittal": 5}], "noncommittal: Input should be 0 or 1"),
    ("context_relevance", [{"rating": 3}], "rating: Input should be 0, 1 or 2"),
    ("context_relevance", [{"rating": True}], "rating: Input should be 0, 1 or 2"),
    ("response_groundedness", [{"rating": 1}, {"rating": -2}], "rating: Input should be 0, 1 or 2"),
    ("answer_accuracy", [{"rating": 3}], "rating: Input should be 0, 2 or 4"),
    (
        "factual_correctness",
        [CLAIMS, {"statements": judge_parts(1, 11)}],
        "statements.1.verdict: Input should",
    ),
]

DROPPED: list[tuple[str, list[dict[str, Any]], str]] = [
    ("faithfulness", [STATEMENTS, {"statements": judge_parts(1)}], 'missing: "Pigeons built it."'),
    ("faithfulness", [STATEMENTS, {"statements": []}], "it has 0 verdicts, and 2 were requested"),
    ("faithfulness", [STATEMENTS, {"statements": judge_parts(1) * 2}], 'judged more than once: "Mount'),
    ("faithfulness", [STATEMENTS, {"statements": judge_parts(1, 1) * 2}], "it has 4 verdicts, and 2 were"),
    (
        "faithfulness",
        [
            STATEMENTS,
            {"statements": [*judge_parts(1), {"statement": "Water flows.", "reason": "", "verdict": 1}]},
        ],
        'not requested: "Water flows."',
    ),
    ("factual_correctness", [CLAIMS, {"statements": judge_parts(1)}], 'missing: "Pigeons built it."'),
    (
        "factual_correctness",
        [CLAIMS, {"statements": judge_parts(1, 1)}, {"claims": ["It is tall."]}, {"statements": []}],
        'missing: "It is tall."',
    ),
    ("answer_correctness", [STATEMENTS, STATEMENTS, {**NO_CLASSES, "TP": [TALL]}], 'missing: "Pigeons'),
    ("answer_correctness", [STATEMENTS, STATEMENTS, NO_CLASSES], "0 statements of the answer in TP and FP"),
    (
        "answer_correctness",
        [STATEMENTS, STATEMENTS, {**NO_CLASSES, "TP": [TALL, TALL]}],
        "judged more than once",
    ),
    (
        "answer_correctness",
        [STATEMENTS, STATEMENTS, {**NO_CLASSES, "FP": [TALL, BUILT], "FN": [TALL]}],
        "FN has 1 statements, and the ground truth has 2, of which TP covers none",
    ),
]
"""Metric, answers of the judge of which the last one leaves out parts, and what the judge is told about it."""


@pytest.mark.parametrize("number", range(len(DROPPED)))
def test_dropped_parts_fail_the_unit(number: int) -> None:
    metric, answers, problem = DROPPED[number]
    with pytest.raises(CallFailed, match=problem):
        judge_answers(metric, *answers)


def test_reworded_parts_count() -> None:
    reworded = [{"statement": "It was built by pigeons", "reason": "", "verdict": 0}]
    assert (
        judge_answers("faithfulness", STATEMENTS, {"statements": [*judge_parts(1), *reworded]}).value == 0.5
    )
    classes = {"TP": [TALL], "FP": [BUILT], "FN": []}
    # F1 of one true and one false positive 2/3, three parts; cosine 0 counts one part
    value = judge_answers("answer_correctness", STATEMENTS, {"statements": ["It is tall."]}, classes).value
    assert 0.5 <= value <= 0.75


@pytest.mark.parametrize(
    ("reference", "judged", "value"),
    [
        ("Plan A covers hail. Plan B covers theft.", ["Plan A covers hail.", "Plan B covers theft."], 1.0),
        ("Plan A covers hail. Plan B covers theft.", ["Plan A covers hail."], None),
        ("Plan A covers hail. Plan B covers hail.", ["Plan A covers hail."], None),
        ("Plan A covers hail.\nPlan B covers hail.", ["Plan A covers hail. Plan B covers hail."], 1.0),
        ("Dr. Lee wrote it. He died in 1955.", ["Dr. Lee wrote it.", "Dr. Lee died in 1955."], 1.0),
        ("Hagel ist versichert. Sturm nicht!", ["Hagel ist versichert."], None),
        ("雹は対象です。嵐は対象外です。", ["雹は対象です。"], None),
        ("雹は対象です。嵐は対象外です。", ["雹は対象です。", "嵐は対象外です。"], 1.0),
        ("Yes. It covers hail.", ["It covers hail."], 1.0),
        ("No.", ["Everest is not tall."], 1.0),
        ("Plan A covers hail.", ["Plan A covers hail.", "The sky is blue."], None),
        ("Plan A covers hail.", ["Plan A covers hail.", "Plan A covers hail."], None),
    ],
)
def test_recall_classifies_every_sentence(reference: str, judged: list[str], value: float | None) -> None:
    answer = {"classifications": [{"statement": text, "reason": "", "attributed": 1} for text in judged]}
    judging = create_judge(BEDROCK).judge(
        dataclasses.replace(CASE, reference=reference), "context_recall", Answering(answer)
    )
    if value is None:
        with pytest.raises(CallFailed, match=r"not classified|more than once|not requested"):
            asyncio.run(judging)
    else:
        assert asyncio.run(judging).value == value


def test_every_number_of_ragas_has_a_scale(judge_server: JudgeServer) -> None:
    collections = ragas_metrics.import_ragas().collections
    for class_name, arguments in ragas_metrics._CLASSES.values():
        kind = getattr(collections, class_name)
        embedding = {"embeddings": ragas_metrics.import_ragas().Embeddings(None)}
        arguments = {**arguments, **(embedding if "embeddings" in inspect.signature(kind).parameters else {})}
        for prompt in vars(kind(llm=ragas_metrics.import_ragas().Llm(None), **arguments)).values():
            if isinstance(prompt, ragas_metrics.import_ragas().BasePrompt):
                strict = make_strict_type(prompt.output_model)
                assert strict.__name__ == prompt.output_model.__name__
                for _, output in prompt.examples:
                    assert strict.model_validate(output.model_dump()).model_dump() == output.model_dump()


@pytest.mark.parametrize("metric", ["context_relevance", "answer_accuracy", "faithfulness"])
def test_failed_call_fails_the_unit_despite_ragas(metric: str) -> None:
    with pytest.raises(CallFailed, match="the provider is down"):
        judge_answers(metric, CallFailed("the provider is down"), {"rating": 2})


def test_cached_prompts_equal_those_of_ragas() -> None:
    loaded = ragas_metrics.import_ragas()
    for name, kind in (("faithfulness", "Faithfulness"), ("context_recall", "ContextRecall")):
        original = getattr(loaded.collections, kind)(llm=loaded.Llm(None))
        ours = ragas_metrics._build_template(name).metric
        for attribute, prompt in vars(original).items():
            if isinstance(prompt, loaded.BasePrompt):
                for data in [example[0] for example in prompt.examples]:
                    assert getattr(ours, attribute).to_string(data) == prompt.to_string(data)


def test_text_metrics_equal_those_of_ragas() -> None:
    collections = ragas_metrics.import_ragas().collections
    theirs = {
        "exact_match": collections.ExactMatch(),
        "string_presence": collections.StringPresence(),
        "string_similarity": collections.NonLLMStringSimilarity(),
        "rouge_l": collections.RougeScore(),
        "chrf": collections.CHRFScore(),
    }
    for answer in (CASE.answer, CASE.reference, "Nothing in common"):
        case = dataclasses.replace(CASE, answer=answer)
        for name, metric in theirs.items():
            expected = asyncio.run(metric.ascore(reference=case.reference, response=case.answer)).value
            assert measure(name, case).value == pytest.approx(min(1, expected)), name


def test_malformed_answers_are_repaired(judge_server: JudgeServer) -> None:
    judge_server.set(malformed_every=2)
    assert judge_case(BEDROCK, "faithfulness", CASE)[0].value == 0.5
    assert judge_server.state()["calls"] == 3
    repaired = judge_server.state()["bodies"][-1]["messages"]
    assert [turn["role"] for turn in repaired] == ["user", "assistant", "user"]


def test_semantic_similarity_uses_two_embeddings(name: str) -> None:
    same = dataclasses.replace(CASE, answer=CASE.reference)
    judgement, calls = judge_case(name, "semantic_similarity", same)
    assert judgement.value == pytest.approx(1)
    assert calls.embedded == [CASE.reference, CASE.reference]


def test_computed_metrics_need_no_call_of_any_judge(judge_server: JudgeServer) -> None:
    judgement, _ = judge_case(BEDROCK, "string_presence", CASE)
    assert (judgement.value, judgement.cost_nano_usd) == (1.0, 0)
    assert judge_server.state()["calls"] == 0
    with pytest.raises(CallFailed, match="cannot measure 'nonsense'"):
        judge_case(BEDROCK, "nonsense", CASE)


def test_all_metrics_of_a_judge_are_registered() -> None:
    judge = create_judge(BEDROCK)
    assert set(judge.defaults) <= set(judge.metrics)
    for metric in judge.metrics:
        entry = lookup_metric(metric)
        assert entry is not None and "bedrock" in entry.judges
