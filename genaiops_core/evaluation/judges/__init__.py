"""Judges measure metrics of cases. All follow one protocol; the judge `offline` needs no account."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from genaiops_core.access.host_patterns import Host, matches_any, parse_patterns
from genaiops_core.access.outbound import parse_outbound_rule
from genaiops_core.evaluation.judges.names import JudgeName, parse_judge_name
from genaiops_core.evaluation.judges.offline import OfflineJudge
from genaiops_core.evaluation.judges.protocol import Judge, Judgement, JudgeOptions
from genaiops_core.settings import Settings

__all__ = ["Judge", "JudgeName", "JudgeOptions", "Judgement", "create_judge", "parse_judge_name"]

_NO_OPTIONS = JudgeOptions()


def create_judge(name: str, options: JudgeOptions = _NO_OPTIONS) -> Judge:
    """Build the judge of a name, without any network access.

    Raises:
        BadInput: the name is invalid.
    """
    judge_name = parse_judge_name(name)
    if judge_name.kind == "offline":
        return OfflineJudge()
    if judge_name.kind == "agentcore":
        # Imported late here and below: boto3 and openai take long, and the offline judge needs neither.
        from genaiops_core.evaluation.judges.agentcore import AgentCoreJudge

        return AgentCoreJudge(
            judge_name.evaluators,
            make_client=_prepare_client("bedrock-agentcore", options),
            make_control_client=_prepare_client("bedrock-agentcore-control", options),
        )
    from genaiops_core.evaluation.judges.model_judge import ModelJudge

    if judge_name.kind == "bedrock":
        from genaiops_core.evaluation.models.bedrock import BedrockModel

        return ModelJudge(
            str(judge_name),
            BedrockModel(
                judge_name.model,
                make_client=_prepare_client("bedrock-runtime", options),
                embedding_name=options.embedding_model,
                guardrail=options.guardrail,
            ),
            options,
        )
    from genaiops_core.evaluation.models.checked_transport import CheckedTransport, is_proxied
    from genaiops_core.evaluation.models.openai import KEY_NAMES, OpenAIModel

    settings = Settings()
    rule = parse_outbound_rule(settings.private_hosts, _parse_key_hosts(settings))
    return ModelJudge(
        str(judge_name),
        OpenAIModel(
            judge_name.model,
            base_url=judge_name.base_url,
            api_key=_find_api_key(judge_name.base_url, settings),
            embedding_name=options.embedding_model,
            # The operator's proxy decides which addresses it reaches.
            transport=None if is_proxied(judge_name.base_url) else CheckedTransport(rule=rule),
            follow_redirects=True,
            key_names=f"{KEY_NAMES}, and name the host in GENAIOPS_JUDGE_API_HOSTS,",
        ),
        options,
    )


def _prepare_client(service: str, options: JudgeOptions) -> Callable[[], Any]:
    from genaiops_core.aws.clients import client
    from genaiops_core.evaluation.rate_limits import MAX_CONCURRENCY

    return partial(
        client,
        service,
        region=options.region,
        profile=options.profile,
        # The rate limiter handles longer throttling: it knows the other calls in flight.
        attempts=3,
        # Long answers take minutes.
        read_timeout_s=300,
        connections=MAX_CONCURRENCY,
    )


def _find_api_key(base_url: str, settings: Settings) -> str:
    """The API key for a server; '' when none is set, or when GENAIOPS_JUDGE_API_HOSTS does not list the server."""
    parts = urlsplit(base_url)
    host = Host((parts.hostname or "").rstrip("."), parts.port or (443 if parts.scheme == "https" else 80))
    # The key goes only to listed servers: users choose the address of a judge.
    if not matches_any(host, _parse_key_hosts(settings)):
        return ""
    return settings.judge_api_key.get_secret_value() or os.environ.get("OPENAI_API_KEY", "")


def _parse_key_hosts(settings: Settings) -> tuple[str, ...]:
    return parse_patterns(settings.judge_api_hosts, "GENAIOPS_JUDGE_API_HOSTS")
