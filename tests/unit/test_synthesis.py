"""Generation from documents: passages, checks of drafts, failing judges."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.synthesis import drafts
from genaiops_core.evaluation.synthesis.chunks import (
    Document,
    Passage,
    read_document,
    select_passages,
    split_passages,
)
from genaiops_core.evaluation.synthesis.drafts import Draft, draft_cases, find_problem
from tests.drafts import LONG_SENTENCE, DraftModel


def build_passage(text: str, position: int = 1) -> Passage:
    return Passage(document="post.md", position=position, heading="", text=text)


def test_document_is_split_at_headings_and_paragraphs() -> None:
    text = f"# Lost parcels\n{LONG_SENTENCE}\n\n{LONG_SENTENCE * 2}\n## Late ones\n\n{LONG_SENTENCE * 14}\n\n---\n"
    passages = split_passages(Document(name="post.md", text=text))
    assert [(passage.position, passage.heading) for passage in passages][:2] == [
        (1, "Lost parcels"),
        (2, "Late ones"),
    ]
    assert passages[0].text == f"{LONG_SENTENCE.strip()}\n\n{(LONG_SENTENCE * 2).strip()}"
    assert all(len(passage.text) <= 1_500 for passage in passages)


@given(st.text(), st.integers(80, 400))
def test_passages_respect_length_limits(text: str, max_characters: int) -> None:
    for passage in split_passages(Document(name="a.txt", text=text), max_characters):
        assert 80 <= len(passage.text) <= max_characters


@given(st.lists(st.integers(0, 6), max_size=5), st.integers(1, 20))
def test_selection_spreads_over_documents(sizes: list[int], count: int) -> None:
    passages_by_document = [
        [build_passage(f"{at} {number}", number) for number in range(size)] for at, size in enumerate(sizes)
    ]
    selected = select_passages(passages_by_document, count)
    assert len(selected) == (count if any(sizes) else 0)
    if count <= sum(sizes):
        assert len(set(selected)) == count
    if count >= sum(size > 0 for size in sizes):
        assert {selected_passage.text.split()[0] for selected_passage in selected} == {
            str(at) for at, size in enumerate(sizes) if size
        }


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.pdf", b"%PDF-1.7"), ("a.md", b" \n"), ("a.docx", b"PK\x03\x04"), ("a.txt", b"%PDF")],
)
def test_only_text_and_markdown_are_read(name: str, data: bytes) -> None:
    with pytest.raises(BadInput, match=name):
        read_document(data, name)


@pytest.mark.parametrize(
    ("draft", "problem"),
    [
        (Draft(question="Who pays?", answer="We do.", quote="“We pay—always”"), ""),
        (Draft(question="Who pays?", answer="We do.", quote="They pay."), drafts.UNSUPPORTED),
        (Draft(question="Who pays?", answer="We do.", quote=" "), drafts.UNSUPPORTED),
        (Draft(question="Who, by this text, pays?", answer="x", quote="We pay"), drafts.MENTIONS_PASSAGE),
        (Draft(question="Who pays?", answer=" ", quote="We pay"), drafts.INCOMPLETE),
    ],
)
def test_draft_is_standalone_and_quotes_its_passage(draft: Draft, problem: str) -> None:
    assert find_problem(draft, build_passage("We pay\nalways, whatever it costs.")) == problem


def test_drafts_become_pending_cases() -> None:
    passages = [
        build_passage("One thing. More.", 1),
        build_passage("BAD thing.", 2),
        build_passage("One thing. Again.", 3),
    ]
    progress: list[tuple[int, int]] = []
    model = DraftModel(failing_text="BAD")
    result = asyncio.run(
        draft_cases(
            model, passages, judge="loop", progress=lambda done, total: progress.append((done, total))
        )
    )
    assert [case.input for case in result.cases] == ["Is it true: One thing?"]
    assert result.cases[0].metadata == {
        "document": "post.md",
        "position": 1,
        "kind": "fact",
        "quote": "One thing",
        "written_by": "loop",
        "review": "pending",
    }
    assert result.skipped == {drafts.FAILED: 1, drafts.DUPLICATE: 1}
    assert (progress[-1], result.failure) == ((3, 3), "The model answered nothing.")


def test_repeated_passagegets_another_kind_of_question() -> None:
    model = DraftModel()
    asyncio.run(draft_cases(model, [build_passage("One thing. More.")] * 3, judge="loop"))
    assert len({prompt.messages[0].text for prompt in model.prompts}) == 3
