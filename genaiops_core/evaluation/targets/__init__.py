"""Targets: models or applications that answer the cases of an evaluation before the answers are scored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genaiops_core.access.outbound import OutboundRule
from genaiops_core.evaluation.targets.hosts import parse_allowed_hosts
from genaiops_core.evaluation.targets.protocol import Target, TargetAnswer, apply_answer, price_answer
from genaiops_core.evaluation.targets.specs import TargetSpec, parse_spec

__all__ = [
    "Target",
    "TargetAnswer",
    "TargetSpec",
    "apply_answer",
    "build_target",
    "parse_allowed_hosts",
    "parse_spec",
    "price_answer",
]


def build_target(
    spec: TargetSpec | Mapping[str, Any],
    *,
    allowed_hosts: Sequence[str] = (),
    outbound_rule: OutboundRule = OutboundRule(),  # noqa: B008 (immutable)
) -> Target:
    """Build the target that a document describes; nothing is called yet.

    Args:
        spec: parsed, or the document stored with an evaluation.
        allowed_hosts: of `GENAIOPS_TARGET_HOSTS`, as `parse_allowed_hosts` returns them; empty allows any host,
            but sends a secret to none.
        outbound_rule: the private networks that may be called; see `access.outbound`.

    Raises:
        BadInput: a field is invalid, the host is not allowed, or it is not named and a secret would be sent to it.
        Misconfigured: the environment has no value for the key that the target refers to.
    """
    target_spec = spec if isinstance(spec, TargetSpec) else parse_spec(spec)
    if target_spec.kind == "http":
        from genaiops_core.evaluation.targets.http import HttpTarget

        return HttpTarget(target_spec, allowed_hosts=allowed_hosts, outbound_rule=outbound_rule)
    from genaiops_core.evaluation.targets import chat

    if target_spec.kind == "openai":
        return chat.build_openai_target(target_spec, allowed_hosts=allowed_hosts, outbound_rule=outbound_rule)
    return chat.build_bedrock_target(target_spec)
