"""A model as a target, with the same clients as judge models: Bedrock Converse and OpenAI-compatible."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from functools import partial

from genaiops_core.access.outbound import OutboundRule
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.models.openai import is_openai
from genaiops_core.evaluation.models.protocol import CallFailed, Message, Model, Prompt
from genaiops_core.evaluation.rate_limits import MAX_CONCURRENCY
from genaiops_core.evaluation.readers.encodings import replace_unstorable
from genaiops_core.evaluation.targets import hosts, placeholders, secret_references, specs
from genaiops_core.evaluation.targets.protocol import TargetAnswer

# Stop reasons of both protocols for an answer that is incomplete or not written by the model.
_INCOMPLETE_REASONS = {
    "max_tokens": "The answer was cut at {max_tokens} tokens; raise max_tokens.",
    "length": "The answer was cut at {max_tokens} tokens; raise max_tokens.",
    "model_context_window_exceeded": "The answer was cut at the end of the model's context window.",
    "guardrail_intervened": "A guardrail intervened.",
    "content_filtered": "A content filter intervened.",
    "content_filter": "A content filter intervened.",
    "refusal": "The model refused.",
}


class ChatTarget:
    """Makes one model call per case.

    A prompt without a placeholder for the question is the system prompt, and the question is the user message. A prompt
    with one (`{question}`, `{input}`) is the whole user message. A placeholder `{contexts}` is filled with the contexts
    of the case; a case without contexts is then not sent.
    """

    def __init__(self, spec: specs.TargetSpec, model: Model) -> None:
        self._spec = spec
        self._model = model
        self._placeholders = placeholders.find_placeholders(spec.system)

    @property
    def name(self) -> str:
        return self._spec.name

    @property
    def provider(self) -> str:
        return self._model.provider

    @property
    def model(self) -> str:
        return self._spec.model

    async def answer(self, case: Case, repetition: int = 1) -> TargetAnswer:
        """Make one call."""
        if "contexts" in self._placeholders and case.contexts is None:
            problem = "The prompt requires contexts, and the case has none."
            return TargetAnswer(text=None, problem=problem, is_called=False)
        prompt = self.prompt(case, repetition)
        start = time.perf_counter()
        try:
            # Bounds the whole answer; the read timeout of a client bounds only the gap between two packets.
            async with asyncio.timeout(self._spec.timeout_s):
                reply = await self._model.ask(prompt)
        except TimeoutError as error:
            raise CallFailed(f"{self.name} did not answer within {self._spec.timeout_s:g} s.") from error
        latency_ms = (time.perf_counter() - start) * 1000
        problem = _INCOMPLETE_REASONS.get(reply.stop_reason, "").format(max_tokens=prompt.max_tokens)
        text = replace_unstorable(reply.text)
        if not text.strip():
            problem = f"The model returned an empty answer. {problem}".rstrip()
        return TargetAnswer(
            text=text if text.strip() else None,
            contexts=case.contexts if "contexts" in self._placeholders else None,
            usage=reply.usage,
            latency_ms=latency_ms,
            problem=problem,
        )

    async def close(self) -> None:
        """Close connections."""
        await self._model.close()

    def prompt(self, case: Case, repetition: int = 1) -> Prompt:
        """Build the prompt that `answer` sends."""
        filled_prompt = placeholders.fill_text(
            self._spec.system, placeholders.collect_values(case, repetition)
        )
        is_whole_turn = "input" in self._placeholders
        return Prompt(
            messages=(Message(role="user", text=filled_prompt if is_whole_turn else case.input),),
            system="" if is_whole_turn else filled_prompt,
            keeps_any_end=True,
            **self._spec.parameters,
        )


def build_bedrock_target(spec: specs.TargetSpec) -> ChatTarget:
    """Build a target for a model of Amazon Bedrock, with the credentials of the environment."""
    from genaiops_core.aws import clients
    from genaiops_core.evaluation.models.bedrock import BedrockModel

    # One attempt: pauses between attempts would count as the model's latency; the caller of the target retries.
    make_client = partial(
        clients.client,
        "bedrock-runtime",
        region=spec.region,
        profile=spec.profile,
        attempts=1,
        read_timeout_s=spec.timeout_s,
        connections=MAX_CONCURRENCY,
    )
    return ChatTarget(spec, BedrockModel(spec.model, make_client=make_client, guardrail=spec.guardrail))


def build_openai_target(
    spec: specs.TargetSpec,
    *,
    allowed_hosts: Sequence[str] = (),
    outbound_rule: OutboundRule = OutboundRule(),  # noqa: B008 (immutable)
) -> ChatTarget:
    """Build a target for a model of an OpenAI-compatible server.

    The key is the secret that `api_key` refers to; OPENAI_API_KEY is sent only to OpenAI itself.
    """
    from genaiops_core.evaluation.models.checked_transport import CheckedTransport
    from genaiops_core.evaluation.models.openai import OpenAIModel

    hosts.require_allowed(
        spec.base_url, allowed_hosts, "The target's base_url", has_secret=bool(spec.api_key)
    )
    model = OpenAIModel(
        spec.model,
        base_url=spec.base_url,
        api_key=_resolve_key(spec),
        retries=0,
        read_timeout_s=spec.timeout_s,
        transport=CheckedTransport(rule=outbound_rule),
        key_names="OPENAI_API_KEY"
        if is_openai(spec.base_url)
        else "the variable that api_key of the target refers to",
    )
    return ChatTarget(spec, model)


def _resolve_key(spec: specs.TargetSpec) -> str:
    if spec.api_key:
        return secret_references.resolve_secret(spec.api_key)
    return os.environ.get("OPENAI_API_KEY", "") if is_openai(spec.base_url) else ""
