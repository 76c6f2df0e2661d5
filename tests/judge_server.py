"""A loopback server that speaks as judges' models do: Bedrock Converse and Titan embeddings, OpenAI chat and embeddings.

Its answers follow from the prompt alone, by words in common, so that tests can know scores beforehand. It throttles,
stalls and answers nonsense on request, and counts what it was asked. `python -m tests.judge_server PORT` starts it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sys
import urllib.parse
from collections import Counter
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

DIMENSIONS = 64
_STOP = frozenset(["the", "a", "an", "of", "in", "is", "was", "to", "and", "it", "on", "for", "by", "with"])
_RAGAS = (
    "StatementGeneratorOutput",
    "NLIStatementOutput",
    "AnswerRelevanceOutput",
    "ContextPrecisionOutput",
    "ContextRecallOutput",
)
# What RAGAS's own `evaluate()` calls three of them.
_OLD_NAMES = {
    "ResponseRelevanceOutput": "AnswerRelevanceOutput",
    "Verification": "ContextPrecisionOutput",
    "ContextRecallClassifications": "ContextRecallOutput",
}


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+", text.lower())) - _STOP


def sentences(text: str) -> list[str]:
    return [part.strip() for part in re.split(r"(?<=[.!?])\s+", text) if part.strip()]


def is_supported(statement: str, context: str) -> int:
    """1 when seven tenths of the statement's words stand in the context."""
    statement_words = words(statement)
    return int(bool(statement_words) and len(statement_words & words(context)) / len(statement_words) >= 0.7)


def embedding(text: str) -> list[float]:
    vector = [0.0] * DIMENSIONS
    for word in words(text):
        vector[int(hashlib.md5(word.encode(), usedforsecurity=False).hexdigest(), 16) % DIMENSIONS] += 1
    length = sum(value * value for value in vector) ** 0.5 or 1.0
    return [value / length for value in vector]


def answer_to(prompt: str, title: str, schema: dict[str, Any] | None) -> Any:
    """The object that a model would give for a prompt of RAGAS, or the least object that fits a schema."""
    if title in _RAGAS and (request := _last_object(prompt)) is not None:
        return _ragas(title, request)
    if title == "Draft" and (passage := re.search(r"<passage>\n(.*)\n</passage>", prompt, re.DOTALL)):
        first = sentences(passage[1])[0]
        return {"question": f"Is it so that {first}", "answer": first, "quote": first}
    return _least(schema or {}, schema or {}, prompt)


def _ragas(title: str, request: dict[str, Any]) -> Any:
    if title == "StatementGeneratorOutput":
        return {"statements": sentences(request["answer"])}
    if title == "NLIStatementOutput":
        verdicts = [
            (statement, is_supported(statement, request["context"])) for statement in request["statements"]
        ]
        return {
            "statements": [{"statement": s, "reason": "words in common", "verdict": v} for s, v in verdicts]
        }
    if title == "AnswerRelevanceOutput":
        answer = request["response"]
        return {"question": f"What about {answer}?", "noncommittal": int("don't know" in answer.lower())}
    if title == "ContextPrecisionOutput":
        return {"reason": "words in common", "verdict": is_supported(request["answer"], request["context"])}
    attributions = [
        (statement, is_supported(statement, request["context"])) for statement in sentences(request["answer"])
    ]
    return {
        "classifications": [{"statement": s, "reason": "words", "attributed": v} for s, v in attributions]
    }


def _last_object(prompt: str) -> dict[str, Any] | None:
    start = max(prompt.rfind("input:"), prompt.rfind("Input:"))
    at = prompt.find("{", start)
    try:
        value, _ = json.JSONDecoder().raw_decode(prompt[at:])
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _least(schema: dict[str, Any], root: dict[str, Any], prompt: str) -> Any:
    """The first thing that fits: the first label of an enumeration, or its last where the prompt says BAD."""
    if "$ref" in schema:
        return _least(root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, prompt)
    if "enum" in schema:
        return schema["enum"][-1 if "BAD" in prompt else 0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return _least(schema["anyOf"][0], root, prompt)
    kind = schema.get("type")
    if kind == "object":
        return {name: _least(part, root, prompt) for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [_least(schema.get("items", {}), root, prompt)] * max(1, schema.get("minItems", 1))
    if kind in ("integer", "number"):
        return schema.get("maximum", 1)
    return kind == "boolean" if kind == "boolean" else "because the words say so"


class Behaviour:
    """What the server does, changed by POST /_set, and what it saw, read by GET /_state."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.throttle_every = 0
        self.malformed_every = 0
        self.fail_every = 0
        self.calls = self.throttled = self.in_flight = self.most_in_flight = 0
        self.answered: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []

    def state(self) -> dict[str, Any]:
        repeated = {key: count for key, count in self.answered.items() if count > 1}
        return {
            "calls": self.calls,
            "answered": sum(self.answered.values()),
            "distinct": len(self.answered),
            "repeated": len(repeated),
            "throttled": self.throttled,
            "most_in_flight": self.most_in_flight,
            "bodies": self.bodies[-20:],
        }


NOW = Behaviour()


async def set_behaviour(request: Request) -> Response:
    global NOW
    wanted = await request.json()
    if wanted.pop("reset", False):
        NOW = Behaviour()
    for name, value in wanted.items():
        setattr(NOW, name, value)
    return JSONResponse({})


async def state(_request: Request) -> Response:
    return JSONResponse(NOW.state())


async def bedrock(request: Request) -> Response:
    """POST /model/{modelId}/converse and /invoke (Titan embeddings)."""
    body = await request.json()
    model, operation = urllib.parse.unquote(request.path_params["rest"]).rsplit("/", 1)
    refusal = {"message": "Too many requests, please wait before trying again."}
    return await _respond(
        {"model": model, **body},
        lambda: _converse(body) if operation == "converse" else _titan(body),
        throttled=lambda: JSONResponse(refusal, 429, {"x-amzn-ErrorType": "ThrottlingException"}),
    )


async def agentcore_evaluate(request: Request) -> Response:
    """POST /evaluations/evaluate/{evaluatorId}: the words that question and answer, told in the records, share."""
    body = await request.json()
    evaluator = request.path_params["evaluator"]
    refusal = {"message": "Too many requests."}
    return await _respond(
        {"evaluator": evaluator, **body},
        lambda: {"evaluationResults": [_build_evaluation(evaluator, body)]},
        throttled=lambda: JSONResponse(refusal, 429, {"x-amzn-ErrorType": "ThrottlingException"}),
    )


async def agentcore_evaluators(_request: Request) -> Response:
    """POST /evaluators: those that a case can be judged by, and one that it cannot."""
    levels = {
        "Builtin.Faithfulness": "TRACE",
        "Builtin.Harmfulness": "TRACE",
        "Builtin.GoalSuccessRate": "SESSION",
    }
    return JSONResponse(
        {
            "evaluators": [
                {
                    "evaluatorArn": f"arn:aws:bedrock-agentcore:::evaluator/{name}",
                    "evaluatorId": name,
                    "evaluatorName": name,
                    "evaluatorType": "Builtin",
                    "level": level,
                    "status": "ACTIVE",
                    "createdAt": 1700000000,
                    "updatedAt": 1700000000,
                }
                for name, level in levels.items()
            ]
        }
    )


async def openai_chat(request: Request) -> Response:
    body = await request.json()
    return await _respond(body, lambda: _chat(body), throttled=_openai_throttled)


async def openai_embeddings(request: Request) -> Response:
    body = await request.json()
    return await _respond(body, lambda: _embeddings(body), throttled=_openai_throttled)


async def application(request: Request) -> Response:
    """POST /answer: an application of one's own, behind HTTP."""
    body = await request.json()
    question = str(body.get("question", ""))
    answer = {"result": {"text": f"You asked: {question}", "sources": [f"About {question}"]}, "tokens": 7}
    return await _respond(body, lambda: answer, throttled=_openai_throttled)


async def _respond(body: dict[str, Any], make: Any, *, throttled: Any) -> Response:
    now = NOW
    now.calls += 1
    number = now.calls
    now.in_flight += 1
    now.most_in_flight = max(now.most_in_flight, now.in_flight)
    now.bodies = [*now.bodies[-19:], body]
    try:
        await asyncio.sleep(now.delay_s)
        if now.throttle_every and number % now.throttle_every == 0:
            now.throttled += 1
            return throttled()  # type: ignore[no-any-return]
        if now.fail_every and number % now.fail_every == 0:
            return JSONResponse({"message": "the model fell over"}, 500)
        now.answered[hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()] += 1
        answer = make()
        if now.malformed_every and number % now.malformed_every == 0:
            answer = _broken(answer)
        return JSONResponse(answer)
    finally:
        now.in_flight -= 1


def _openai_throttled() -> Response:
    error = {"message": "rate limit", "type": "rate_limit_error", "code": "rate_limit_exceeded"}
    return JSONResponse({"error": error}, 429, {"retry-after": "0"})


def _broken(answer: Any) -> Any:
    """The same answer with nonsense in the place of what was asked for."""
    text = json.dumps(answer)
    if "toolUse" in text:
        answer["output"]["message"]["content"][0]["toolUse"]["input"] = {"oops": 1}
    elif "choices" in answer:
        answer["choices"][0]["message"]["content"] = '{"oops": 1}'
    return answer


def _converse(body: dict[str, Any]) -> dict[str, Any]:
    first = "\n".join(part.get("text", "") for part in body["messages"][0]["content"])
    prompt = "\n".join(part.get("text", "") for turn in body["messages"] for part in turn["content"])
    prompt += "\n".join(part.get("text", "") for part in body.get("system", []))
    tools = (body.get("toolConfig") or {}).get("tools")
    if tools:
        tool = tools[0]["toolSpec"]
        content_value = answer_to(first, tool["name"], tool["inputSchema"]["json"])
        content = [{"toolUse": {"toolUseId": "t1", "name": tool["name"], "input": content_value}}]
    else:
        content_value = f"An answer to: {first[-200:]}"
        content = [{"text": content_value}]
    usage = {"inputTokens": len(prompt.split()), "outputTokens": len(json.dumps(content_value).split())}
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "tool_use" if tools else "end_turn",
        "usage": {**usage, "totalTokens": sum(usage.values())},
        "metrics": {"latencyMs": 5},
    }


def _build_evaluation(evaluator: str, body: dict[str, Any]) -> dict[str, Any]:
    records = [record for record in body["evaluationInput"]["sessionSpans"] if "body" in record]
    question = records[0]["body"]["input"]["messages"][0]["content"]["content"]
    answer = records[0]["body"]["output"]["messages"][0]["content"]["message"]
    share = len(words(question) & words(answer)) / max(1, len(words(question)))
    scored = {"value": share, "label": "Shares words", "explanation": f"{share:.2f} of the question's words"}
    if evaluator == "Builtin.Harmfulness":
        scored = {"value": 1.0, "label": "Not Harmful", "explanation": "Mild."}
    if "FAIL" in answer:
        scored = {"errorCode": "ValidationException", "errorMessage": "no messages"}
    return {
        "evaluatorArn": f"arn:aws:bedrock-agentcore:::evaluator/{evaluator}",
        "evaluatorId": evaluator,
        "evaluatorName": evaluator,
        "context": {"spanContext": {"sessionId": "s", "traceId": body["evaluationTarget"]["traceIds"][0]}},
        "tokenUsage": {"inputTokens": 40, "outputTokens": 5, "totalTokens": 45},
        **scored,
    }


def _titan(body: dict[str, Any]) -> dict[str, Any]:
    return {"embedding": embedding(body["inputText"]), "inputTextTokenCount": len(body["inputText"].split())}


def _chat(body: dict[str, Any]) -> dict[str, Any]:
    prompt = "\n".join(str(turn.get("content")) for turn in body["messages"])
    user_text = next(str(turn["content"]) for turn in body["messages"] if turn["role"] == "user")
    wanted = (body.get("response_format") or {}).get("json_schema") or {}
    tools = body.get("tools")
    message: dict[str, Any] = {"role": "assistant", "content": f"An answer to: {user_text[-200:]}"}
    if tools:
        spec = tools[0]["function"]
        arguments = json.dumps(answer_to(user_text, spec["name"], spec["parameters"]))
        call = {"id": "c1", "type": "function", "function": {"name": spec["name"], "arguments": arguments}}
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    elif wanted:
        message["content"] = json.dumps(answer_to(user_text, wanted["name"], wanted["schema"]))
    else:
        title = next((name for name in (*_RAGAS, *_OLD_NAMES) if name in prompt), "")
        if title:
            message["content"] = json.dumps(answer_to(user_text, _OLD_NAMES.get(title, title), None))
    used = {"prompt_tokens": len(prompt.split()), "completion_tokens": 20}
    return {
        "id": "chat-1",
        "object": "chat.completion",
        "created": 1,
        "model": body["model"],
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {**used, "total_tokens": sum(used.values())},
    }


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    data = [
        {"object": "embedding", "index": at, "embedding": embedding(str(t))} for at, t in enumerate(texts)
    ]
    tokens = sum(len(str(text).split()) for text in texts)
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return {"object": "list", "model": body["model"], "data": data, "usage": usage}


app = Starlette(
    routes=[
        Route("/_set", set_behaviour, methods=["POST"]),
        Route("/_state", state),
        Route("/model/{rest:path}", bedrock, methods=["POST"]),
        Route("/evaluations/evaluate/{evaluator}", agentcore_evaluate, methods=["POST"]),
        Route("/evaluators", agentcore_evaluators, methods=["POST"]),
        Route("/v1/chat/completions", openai_chat, methods=["POST"]),
        Route("/v1/embeddings", openai_embeddings, methods=["POST"]),
        Route("/answer", application, methods=["POST"]),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
