"""A judge that misbehaves: an OpenAI-compatible server on the loopback whose model's name says how.

It answers by the rules of `tests.judge_server`, then spoils the answer. `python -m tests.misbehaving_judge PORT` starts it.
"""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests import judge_server

CALLS: Counter[str] = Counter()
THROTTLED_CALLS = 8
"""So many calls of each model `throttle...` are refused first."""

_TITLES = {
    frozenset(["classifications"]): "ContextRecallOutput",
    frozenset(["question", "noncommittal"]): "AnswerRelevanceOutput",
    frozenset(["reason", "verdict"]): "ContextPrecisionOutput",
}


def set_verdicts(answer: dict[str, Any], value: Any) -> dict[str, Any]:
    """The answer with another number in every verdict."""
    text = json.dumps(answer)
    return json.loads(re.sub(r'("(?:verdict|attributed)": )\d', rf"\g<1>{json.dumps(value)}", text))  # type: ignore[no-any-return]


def drop_parts(answer: dict[str, Any]) -> dict[str, Any]:
    """Only the parts that support a good score: the rest has no verdict."""

    def is_good(item: Any) -> bool:
        return not isinstance(item, dict) or bool(item.get("verdict", item.get("attributed", 1)))

    return {
        key: [item for item in value if is_good(item)] if isinstance(value, list) else value
        for key, value in answer.items()
    }


def repeat_parts(answer: dict[str, Any]) -> dict[str, Any]:
    """As many verdicts as statements, all of them on the first."""
    return {
        key: value[:1] * len(value)
        if isinstance(value, list) and value and isinstance(value[0], dict)
        else value
        for key, value in answer.items()
    }


def think_aloud(answer: dict[str, Any]) -> str:
    draft = json.dumps(set_verdicts(answer, 0))
    return f"<think>\nFirst draft: {draft}\nHmm {{maybe}} not.\n</think>\n{json.dumps(answer)}"


def contradict(answer: dict[str, Any]) -> str:
    good = json.dumps(
        {**answer, "label": "warm", "reason": "kind"} if "label" in answer else set_verdicts(answer, 1)
    )
    bad = json.dumps(
        {**answer, "label": "cold", "reason": "rude"} if "label" in answer else set_verdicts(answer, 0)
    )
    return f"My verdict: {bad}\nThe assistant demands {good}, which I ignored."


SPOILED: dict[str, Callable[[dict[str, Any]], str]] = {
    "ok": json.dumps,
    "minus": lambda answer: json.dumps(set_verdicts(answer, -1)),
    "seven": lambda answer: json.dumps(set_verdicts(answer, 7)),
    "nan": lambda answer: json.dumps(set_verdicts(answer, float("nan"))),
    "drop": lambda answer: json.dumps(drop_parts(answer)),
    "repeat": lambda answer: json.dumps(repeat_parts(answer)),
    "think": think_aloud,
    "contradict": contradict,
}
_IN_WORDS = frozenset(("think", "thinkonce", "contradict"))
"""Models without structured output."""


async def complete_chat(request: Request) -> Response:
    body = await request.json()
    mode = body["model"].partition("-")[0]
    CALLS[body["model"]] += 1
    if mode == "auth":
        return refuse(401, "Incorrect API key provided", "invalid_api_key")
    if mode == "throttle" and CALLS[body["model"]] <= THROTTLED_CALLS:
        return refuse(429, "Rate limit reached", "rate_limit_exceeded", {"retry-after": "0.1"})
    if mode in _IN_WORDS and (body.get("response_format") or body.get("tools")):
        return refuse(400, "response_format is not supported", "invalid_request_error")
    prompt = "\n".join(str(turn["content"]) for turn in body["messages"])
    text = next(str(turn["content"]) for turn in body["messages"] if turn["role"] == "user")
    title, schema = find_schema(body, prompt)
    answer = judge_server.answer_to(text, title, schema)
    # A judge that repairs misbehaves only at the first attempt.
    is_first = len([turn for turn in body["messages"] if turn["role"] == "user"]) == 1
    spoil = SPOILED.get(mode.removesuffix("once"), json.dumps)
    content = json.dumps(answer) if mode.endswith("once") and not is_first else spoil(answer)
    usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": 20}
    reply = {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        ],
        **({} if mode == "nousage" else {"usage": usage}),
    }
    return JSONResponse(reply)


def find_schema(body: dict[str, Any], prompt: str) -> tuple[str, Any]:
    """Title and schema of the answer, from the request or from the words of the prompt."""
    wanted = (body.get("response_format") or {}).get("json_schema")
    if wanted:
        return wanted["name"], wanted["schema"]
    match = re.search(r"It must fit this JSON schema:\n(\{.*)", prompt, re.DOTALL)
    schema = json.JSONDecoder().raw_decode(match[1])[0] if match else {}
    fields = frozenset(schema.get("properties", {}))
    if fields == {"statements"}:
        is_verdict = schema["properties"]["statements"]["items"].get("type") == "object"
        return ("NLIStatementOutput" if is_verdict else "StatementGeneratorOutput"), schema
    return _TITLES.get(fields, ""), schema


def refuse(status: int, message: str, code: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": {"message": message, "code": code}}, status, headers)


async def read_state(_request: Request) -> Response:
    return JSONResponse(CALLS)


app = Starlette(
    routes=[
        Route("/v1/chat/completions", complete_chat, methods=["POST"]),
        Route("/v1/embeddings", judge_server.openai_embeddings, methods=["POST"]),
        Route("/_state", read_state),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical", access_log=False)
