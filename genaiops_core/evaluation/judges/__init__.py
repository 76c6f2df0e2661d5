"""Judges: whoever measures a metric of a case. One protocol; `offline` needs no account."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from genaiops_core.evaluation.judges.names import JudgeName, parse
from genaiops_core.evaluation.judges.offline import OfflineJudge
from genaiops_core.evaluation.judges.protocol import Judge, Judgement, JudgeOptions
from genaiops_core.settings import Settings

__all__ = ["Judge", "JudgeName", "JudgeOptions", "Judgement", "judge", "parse"]

_NO_OPTIONS = JudgeOptions()


def judge(name: str, options: JudgeOptions = _NO_OPTIONS) -> Judge:
    """The judge of that name; nothing is reached before it is asked.

    Raises:
        BadInput: there is none.
    """
    parsed = parse(name)
    if parsed.kind == "offline":
        return OfflineJudge()
    if parsed.kind == "agentcore":
        from genaiops_core.evaluation.judges.agentcore import AgentCoreJudge

        return AgentCoreJudge(
            parsed.evaluators,
            make_client=_client("bedrock-agentcore", options),
            make_control_client=_client("bedrock-agentcore-control", options),
        )
    from genaiops_core.evaluation.judges.model_judge import ModelJudge

    if parsed.kind == "bedrock":
        from genaiops_core.evaluation.models.bedrock import BedrockModel

        return ModelJudge(
            str(parsed),
            BedrockModel(
                parsed.model,
                make_client=_client("bedrock-runtime", options),
                embedding_name=options.embedding_model,
                guardrail=options.guardrail,
            ),
            options,
        )
    from genaiops_core.evaluation.models.openai import OpenAIModel

    return ModelJudge(
        str(parsed),
        OpenAIModel(
            parsed.model,
            base_url=parsed.base_url,
            api_key=_api_key(parsed.base_url, Settings()),
            embedding_name=options.embedding_model,
        ),
        options,
    )


def _client(service: str, options: JudgeOptions) -> Callable[[], Any]:
    from genaiops_core.aws.clients import client
    from genaiops_core.evaluation.rate_limits import MAX_CONCURRENCY

    return partial(
        client,
        service,
        region=options.region,
        profile=options.profile,
        # Throttling that outlasts a few attempts is for the run to wait out: it knows what else is under way.
        attempts=3,
        # Long answers take minutes.
        read_timeout_s=300,
        connections=MAX_CONCURRENCY,
    )


def _api_key(base_url: str, settings: Settings) -> str:
    """The key for a server; '' when none is set, or when it is meant for other servers only."""
    host = (urlsplit(base_url).hostname or "").lower()
    meant = [one.strip().lower() for one in settings.judge_api_hosts.split(",") if one.strip()]
    if meant and host not in meant:
        return ""
    return settings.judge_api_key.get_secret_value() or os.environ.get("OPENAI_API_KEY", "")
