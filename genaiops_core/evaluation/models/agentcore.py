"""AgentCore's evaluators behind the protocol of a model: their calls are cached, rate limited and counted like others.

A prompt is a JSON text with evaluator, spans, trace and references; the reply is the JSON of the result.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import orjson

from genaiops_core.aws import agentcore
from genaiops_core.aws.bedrock import BedrockFailed
from genaiops_core.errors import Misconfigured
from genaiops_core.evaluation.models.bedrock import convert_failure
from genaiops_core.evaluation.models.protocol import CallFailed, Embedding, Prompt, Refused, Reply, Usage
from genaiops_core.evaluation.rate_limits import MAX_CONCURRENCY


class AgentCoreModel:
    """The API `Evaluate`, called in threads because the AWS SDK blocks."""

    provider = "aws.bedrock.agentcore"
    embedding_name = ""

    def __init__(
        self,
        evaluators: tuple[str, ...],
        *,
        make_client: Callable[[], Any],
        make_control_client: Callable[[], Any],
    ) -> None:
        """Makes no request before the first call, which also looks up the evaluators if the account may list them."""
        self.name = ",".join(evaluators)
        self._evaluators = evaluators
        self._make_client = make_client
        self._make_control_client = make_control_client
        self._client: Any = None
        self._lock = threading.Lock()
        self._threads: ThreadPoolExecutor | None = None
        self._problems: dict[str, str] = {}

    async def ask(self, prompt: Prompt) -> Reply:
        """See `protocol.Model`."""
        started = time.perf_counter()
        if self._threads is None:
            self._threads = ThreadPoolExecutor(MAX_CONCURRENCY, thread_name_prefix="agentcore")
        evaluator_input: dict[str, Any] = orjson.loads(prompt.messages[0].text)
        call = partial(self._evaluate, evaluator_input)
        try:
            results, retries = await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except BedrockFailed as error:
            raise convert_failure(error, evaluator_input["evaluator"]) from error
        except Misconfigured as error:
            raise Refused(str(error)) from error
        if not results:
            raise CallFailed(f"AgentCore returned no result of {evaluator_input['evaluator']}.")
        # An evaluator with several dimensions returns one result per dimension; the first has the evaluator's name.
        result = results[0]
        token_usage = result.get("tokenUsage") or {}
        usage = Usage(
            input_tokens=token_usage.get("inputTokens"), output_tokens=token_usage.get("outputTokens")
        )
        if result.get("errorCode"):
            message = result.get("errorMessage") or "no message"
            raise CallFailed(
                f"{evaluator_input['evaluator']} failed ({result['errorCode']}): {message}", usage=usage
            )
        fields = {name: result.get(name) for name in ("value", "label", "explanation")}
        return Reply(
            text=orjson.dumps(fields).decode(),
            usage=usage,
            latency_ms=(time.perf_counter() - started) * 1000,
            retries=retries,
        )

    async def embed(self, text: str) -> Embedding:
        """Always fails: AgentCore has no embeddings."""
        raise CallFailed("AgentCore has no embeddings.")

    async def close(self) -> None:
        """Shut the threads down."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    def _evaluate(self, evaluator_input: dict[str, Any]) -> tuple[list[dict[str, Any]], int]:
        with self._lock:
            if self._client is None:
                # Under the lock: clients are expensive, and creating one in several threads is not safe in
                # boto3.
                client = self._make_client()
                self._problems = self._find_problems()
                # Assigned last: another thread must not see the client before the problems.
                self._client = client
        if problem := self._problems.get(evaluator_input["evaluator"]):
            raise BedrockFailed("ResourceNotFoundException", problem)
        return agentcore.evaluate(self._client, **evaluator_input)

    def _find_problems(self) -> dict[str, str]:
        """Evaluator -> why it cannot judge a case; empty when the account may not list evaluators."""
        try:
            levels = agentcore.list_evaluators(self._make_control_client())
        except (BedrockFailed, Misconfigured):
            # Permission to list evaluators is optional; without it a wrong name fails at its first call.
            return {}
        problems = {}
        for evaluator in self._evaluators:
            if evaluator not in levels:
                alternatives = ", ".join(sorted(name for name in levels if name.startswith("Builtin."))[:20])
                problems[evaluator] = f"there is no such evaluator; there are {alternatives or 'none'}"
            elif levels[evaluator] not in ("", "TRACE"):
                problems[evaluator] = (
                    f"it judges a {levels[evaluator].lower().replace('_', ' ')}, and a case is one answer (level TRACE)"
                )
        return problems
