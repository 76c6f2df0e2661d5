"""Questions from documents: how documents are cut, which drafts pass, and what becomes of a judge that fails."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.models.protocol import CallFailed, Prompt
from genaiops_core.evaluation.synthesis import drafts as synthesis
from genaiops_core.evaluation.synthesis.chunks import Document, Passage, split_passages, read_document, select_passages
from genaiops_core.evaluation.synthesis.drafts import Draft, draft_cases, find_problem

LONG = "A parcel that is lost is paid for in full, up to the value that was declared when it was sent off. "


class Writer:
    """A model that asks about the first sentence of each passage; it implements `Calls` whole."""

    def __init__(self, fails: str = "") -> None:
        self.fails = fails
        self.prompts: list[Prompt] = []

    async def ask(self, prompt: Prompt, answer: type[Any]) -> Any:
        self.prompts.append(prompt)
        found = re.search(r"<passage>\n(.*)\n</passage>", prompt.messages[0].text, re.DOTALL)
        assert found is not None
        if self.fails and self.fails in found[1]:
            raise CallFailed("The model answered nothing.")
        assert issubclass(answer, BaseModel)
        first = found[1].split(". ")[0]
        return answer(question=f"Is it true: {first}?", answer="It is.", quote=first)

    async def embed(self, text: str) -> tuple[float, ...]:
        return (float(len(text)),)

    @property
    def cost_nano_usd(self) -> int | None:
        return 1_000 * len(self.prompts)


def passage(text: str, position: int = 1) -> Passage:
    return Passage(document="post.md", position=position, heading="", text=text)


def test_a_document_is_cut_at_headings_and_between_paragraphs() -> None:
    text = f"# Lost parcels\n{LONG}\n\n{LONG * 2}\n## Late ones\n\n{LONG * 14}\n\n---\n"
    found = split_passages(Document(name="post.md", text=text))
    assert [(one.position, one.heading) for one in found][:2] == [(1, "Lost parcels"), (2, "Late ones")]
    assert found[0].text == f"{LONG.strip()}\n\n{(LONG * 2).strip()}"
    assert all(len(one.text) <= 1_500 for one in found)


@given(st.text(), st.integers(80, 400))
def test_no_passage_is_longer_than_the_bound(text: str, most: int) -> None:
    for one in split_passages(Document(name="a.txt", text=text), most):
        assert 80 <= len(one.text) <= most


@given(st.lists(st.integers(0, 6), max_size=5), st.integers(1, 20))
def test_passages_are_spread_over_documents_and_over_each(sizes: list[int], count: int) -> None:
    found = [[passage(f"{at} {number}", number) for number in range(size)] for at, size in enumerate(sizes)]
    chosen = select_passages(found, count)
    assert len(chosen) == (count if any(sizes) else 0)
    if count <= sum(sizes):
        assert len(set(chosen)) == count
    if count >= sum(size > 0 for size in sizes):
        assert {one.text.split()[0] for one in chosen} == {str(at) for at, size in enumerate(sizes) if size}


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.pdf", b"%PDF-1.7"), ("a.md", b" \n"), ("a.docx", b"PK\x03\x04"), ("a.txt", b"%PDF")],
)
def test_only_text_and_markdown_are_read(name: str, data: bytes) -> None:
    with pytest.raises(BadInput, match=name):
        read_document(data, name)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        (Draft(question="Who pays?", answer="We do.", quote="“We pay—always”"), ""),
        (Draft(question="Who pays?", answer="We do.", quote="They pay."), synthesis.UNSUPPORTED),
        (Draft(question="Who pays?", answer="We do.", quote=" "), synthesis.UNSUPPORTED),
        (Draft(question="Who, by this text, pays?", answer="x", quote="We pay"), synthesis.MENTIONS_PASSAGE),
        (Draft(question="Who pays?", answer=" ", quote="We pay"), synthesis.INCOMPLETE),
    ],
)
def test_a_draft_must_stand_by_itself_and_quote_its_passage(written: Draft, why: str) -> None:
    assert find_problem(written, passage("We pay\nalways, whatever it costs.")) == why


def test_drafts_become_pending_cases_and_failures_are_counted() -> None:
    chosen = [passage("One thing. More.", 1), passage("BAD thing.", 2), passage("One thing. Again.", 3)]
    told: list[tuple[int, int]] = []
    writer = Writer(fails="BAD")
    drafted = asyncio.run(draft_cases(writer, chosen, judge="loop", progress=lambda at, of: told.append((at, of))))
    assert [case.input for case in drafted.cases] == ["Is it true: One thing?"]
    assert drafted.cases[0].metadata == {
        "document": "post.md",
        "position": 1,
        "kind": "fact",
        "quote": "One thing",
        "written_by": "loop",
        "review": "pending",
    }
    assert drafted.skipped == {synthesis.FAILED: 1, synthesis.DUPLICATE: 1}
    assert (told[-1], drafted.failure) == ((3, 3), "The model answered nothing.")


def test_a_passage_that_comes_again_is_asked_for_another_kind_of_question() -> None:
    writer = Writer()
    asyncio.run(draft_cases(writer, [passage("One thing. More.")] * 3, judge="loop"))
    assert len({prompt.messages[0].text for prompt in writer.prompts}) == 3
