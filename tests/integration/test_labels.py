"""Human labels: from files, from reviews and by hand; stable through versions, with their audit entries."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.errors import BadInput, NotFound
from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.human import label_imports, labels, reviews
from genaiops_core.evaluation.human.label_files import parse_scale
from tests.integration.labelled import DATASET, import_dataset, import_labels
from tests.integration.sampled import APPLICATION, ingest_and_sample, traces


def by_case(engine: sa.Engine, metric: str = "groundedness") -> dict[str, labels.CaseLabel]:
    with reading(engine) as connection:
        return labels.read_labels_by_case(connection, DATASET).get(metric, {})


def import_text(engine: sa.Engine, text: str, **more: object) -> label_imports.LabelImport:
    return label_imports.import_labels(
        engine,
        actor="grace",
        dataset=DATASET,
        metric="groundedness",
        data=text.encode(),
        filename="labels.csv",
        **more,  # type: ignore[arg-type]
    )


def test_labels_by_case_number_are_stored_with_an_audit_entry(engine: sa.Engine) -> None:
    import_dataset(engine, 4)
    label_import = import_labels(engine, {1: "good", 2: "partly", 4: "bad"})
    assert (label_import.labels, label_import.new, label_import.changed, label_import.rejected) == (
        3,
        3,
        0,
        0,
    )
    label_by_case = by_case(engine)
    assert label_by_case[labels.case_sha256("What is 2?", "It is 2.")].value == 0.5
    with reading(engine) as connection:
        entry = audit.entries(connection, action="label.import")[0]
        (count,) = labels.count_labels(connection)
    assert (entry.actor, entry.subject) == ("grace", "prices/groundedness")
    assert (count.cases, count.labels, count.labellers, count.mean) == (3, 3, 1, 0.5)


def test_a_second_label_replaces_that_of_the_same_labeller(engine: sa.Engine) -> None:
    import_dataset(engine, 3)
    import_labels(engine, {1: "good", 2: "good"})
    second_import = import_labels(engine, {1: "bad", 2: "good", 3: "good"})
    assert (second_import.new, second_import.changed) == (1, 1)
    import_labels(engine, {1: "good"}, actor="ben")
    first = by_case(engine)[labels.case_sha256("What is 1?", "It is 1.")]
    assert (first.value, first.labellers) == (0.5, 2)


def test_rows_are_matched_by_text_whatever_the_spaces(engine: sa.Engine) -> None:
    import_dataset(engine, 3)
    label_import = import_text(
        engine,
        "question,answer,rating,annotator\n"
        "What  is 1?,It is 1. ,4,ann\nWhat is 2?,,1,ben\nWhat is 3?,It is 4.,2,ann\nWhat is 9?,,2,\nWhat is 3?,,7,\n",
        scale=parse_scale("1..4"),
    )
    assert (label_import.labels, label_import.rejected) == (2, 3)
    assert [(problem.row, problem.column, problem.problem) for problem in label_import.problems] == [
        (4, "answer", "no case has this answer"),
        (5, "question", "no case has this input"),
        (6, "rating", "is 7, outside the scale 1..4"),
    ]
    with reading(engine) as connection:
        assert {label.labeller: label.value for label in labels.list_labels(connection, DATASET)} == {
            "ann": 1,
            "ben": 0,
        }


def test_an_input_with_several_answers_is_rejected(engine: sa.Engine) -> None:
    data = b"question,answer\nWhy?,so\nWhy?,because\nWhat?,that\n"
    datasets.import_dataset(engine, actor="ada", name=DATASET, data=data, filename="cases.csv")
    label_import = import_text(engine, "question,label\nWhy?,yes\nWhat?,yes\n")
    assert (label_import.labels, label_import.rejected) == (1, 1)
    assert "2 cases with different answers have this input" in label_import.problems[0].problem


def test_a_file_without_any_label_of_a_case_is_refused(engine: sa.Engine) -> None:
    import_dataset(engine, 2)
    with pytest.raises(BadInput, match=r"No row of labels.csv .* Row 2, case: is 9, but there are 2 cases"):
        import_text(engine, "case,label\n9,yes\n")
    with pytest.raises(BadInput, match="not a valid name of a metric"):
        import_labels(engine, {1: "good"}, metric="=cmd()")
    with pytest.raises(NotFound):
        label_imports.import_labels(
            engine, actor="a", dataset="nope", metric="m", data=b"case,label\n1,1\n", filename="l.csv"
        )
    with reading(engine) as connection:
        assert labels.count_labels(connection) == []


def test_a_scale_that_most_labels_do_not_fit_is_refused(
    engine: sa.Engine,
) -> None:
    import_dataset(engine, 4)
    with pytest.raises(BadInput, match=r"3 of 4 labels .* is 5, outside the scale 0..1. Give the scale"):
        import_text(engine, "case,label\n1,5\n2,5\n3,1\n4,4\n")
    assert by_case(engine) == {}


def test_a_preview_stores_nothing(engine: sa.Engine) -> None:
    import_dataset(engine, 2)
    seen = label_imports.preview_labels(
        engine, dataset=DATASET, metric="groundedness", data=b"case,label\n1,yes\n9,no\n", filename="l.csv"
    )
    assert (seen.labels, seen.rejected, seen.columns.case) == (1, 1, "case")
    assert by_case(engine) == {}


def test_a_label_stays_with_its_case_through_versions(engine: sa.Engine) -> None:
    import_dataset(engine, 2)
    import_labels(engine, {1: "good", 2: "bad"})
    newer = b"question,answer\nWhat is 2?,It is 2.\nWhat is 1?,Something else.\n"
    datasets.import_dataset(engine, actor="ada", name=DATASET, data=newer, filename="cases.csv")
    label_by_case = by_case(engine)
    assert label_by_case[labels.case_sha256("What is 2?", "It is 2.")].value == 0.0
    assert labels.case_sha256("What is 1?", "Something else.") not in label_by_case


def test_one_case_is_labelled_by_hand(engine: sa.Engine) -> None:
    import_dataset(engine, 1)
    case = {"dataset": DATASET, "input": "What is 1?", "answer": "It is 1.", "metric": "groundedness"}
    labels.label_case(engine, actor="grace", value=0.5, source=labels.NEAREST, **case)  # type: ignore[arg-type]
    (label,) = by_case(engine).values()
    assert (label.value, label.is_random) == (0.5, False)
    labels.label_case(engine, actor="grace", value=1.0, **case)  # type: ignore[arg-type]
    (label,) = by_case(engine).values()
    assert (label.value, label.is_random) == (1.0, True)
    with reading(engine) as connection:
        entry = audit.entries(connection, action="label.give")[0]
    assert entry.before is not None
    assert (entry.before["value"], entry.after and entry.after["value"]) == (0.5, 1.0)
    with pytest.raises(BadInput, match="from 0"):
        labels.label_case(engine, actor="grace", value=float("nan"), **case)  # type: ignore[arg-type]


def test_reviews_become_labels_of_the_cases_of_their_requests(engine: sa.Engine) -> None:
    requests = traces(2, users=1)
    ingest_and_sample(engine, requests)
    for actor in ("anna", "ben"):
        reviews.submit(
            engine,
            actor=actor,
            application=APPLICATION,
            trace_id=requests[0].trace_id,
            ratings={"groundedness": "good", "helpfulness": {"anna": 0.5, "ben": 1.0}[actor]},
        )
    for request in requests:
        reviews.add_trace(
            engine, actor="anna", application=APPLICATION, trace_id=request.trace_id, dataset=DATASET
        )
    label_counts = label_imports.labels_from_reviews(engine, actor="anna", dataset=DATASET)
    assert label_counts == {"groundedness": 1, "helpfulness": 1}
    assert [label.value for label in by_case(engine, "helpfulness").values()] == [0.75]
    assert not any(label_imports.labels_from_reviews(engine, actor="anna", dataset=DATASET).values())


def test_many_labels_are_stored_at_once(engine: sa.Engine) -> None:
    import_dataset(engine, 1_200)
    assert import_labels(engine, dict.fromkeys(range(1, 1_201), "good")).new == 1_200
    assert import_labels(engine, dict.fromkeys(range(1, 1_201), "good")).new == 0
