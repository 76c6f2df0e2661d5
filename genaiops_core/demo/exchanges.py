"""The texts of a question on a release: prompt, passages, messages and answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from genaiops_core.demo.knowledge import UNSUPPORTED, Topic
from genaiops_core.demo.profiles import ApplicationProfile, ReleaseProfile


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """The texts of a question on a release; equal for all users, so built once."""

    question: str
    rewritten: str
    prompt: str
    documents: str
    document_ids: str
    input_messages: str
    output_messages: tuple[str, ...]
    """The supported answer first, then answers with an unsupported sentence."""
    answers: tuple[str, ...]
    input_tokens: int


def exchange(
    profile: ApplicationProfile, release: ReleaseProfile, topic_no: int, question_no: int
) -> Exchange:
    """Build the texts of a question that `release` answers."""
    topic = profile.topics[topic_no]
    question = topic.questions[question_no]
    documents = retrieve(profile, topic_no, release.top_k)
    passages = "\n\n".join(f"[{no}] {document.passage}" for no, document in enumerate(documents, 1))
    prompt = release.prompt_text.format(passages=passages, question=question)
    messages = [
        {"role": "system", "parts": [{"type": "text", "content": profile.system_prompt}]},
        {"role": "user", "parts": [{"type": "text", "content": prompt}]},
    ]
    answers = (topic.answer, *(f"{topic.answer} {sentence}" for sentence in UNSUPPORTED))
    return Exchange(
        question=question,
        rewritten=f"{topic.title}: {question.rstrip('?.').lower()}",
        prompt=prompt,
        documents=_json(
            [
                {"id": each.source, "score": round(0.93 - 0.07 * no, 2), "content": each.passage}
                for no, each in enumerate(documents)
            ]
        ),
        document_ids=_json([each.source for each in documents]),
        input_messages=_json(messages),
        output_messages=tuple(
            _json(
                [
                    {
                        "role": "assistant",
                        "parts": [{"type": "text", "content": answer}],
                        "finish_reason": "stop",
                    }
                ]
            )
            for answer in answers
        ),
        answers=answers,
        # The rest of a real prompt (rules, examples, history) counts only in the number of tokens.
        input_tokens=620 + len(prompt) // 4 + 160 * release.top_k,
    )


def retrieve(profile: ApplicationProfile, topic_no: int, top_k: int) -> list[Topic]:
    """Retrieve the correct passage, then its neighbours in the knowledge base, at most `top_k`."""
    count = len(profile.topics)
    return [profile.topics[(topic_no + step) % count] for step in range(min(top_k, count))]


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
