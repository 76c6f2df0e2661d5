"""Targets: who answers the cases of a run before the answers are scored. One protocol, described by a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genaiops_core.evaluation.targets.hosts import allowed_hosts
from genaiops_core.evaluation.targets.protocol import Answered, Target, answered_case, priced
from genaiops_core.evaluation.targets.specs import TargetSpec, parse

__all__ = ["Answered", "Target", "TargetSpec", "allowed_hosts", "answered_case", "parse", "priced", "target"]


def target(spec: TargetSpec | Mapping[str, Any], *, allowed_hosts: Sequence[str] = ()) -> Target:
    """The target that a document describes; nothing is called yet.

    Args:
        spec: parsed, or the document kept with a run.
        allowed_hosts: of `GENAIOPS_TARGET_HOSTS`, read by `allowed_hosts`; none allows any.

    Raises:
        BadInput: a field is wrong, or the host is not allowed.
        Misconfigured: the environment lacks the key that the target refers to.
    """
    wanted = spec if isinstance(spec, TargetSpec) else parse(spec)
    if wanted.kind == "http":
        from genaiops_core.evaluation.targets.http import HttpTarget

        return HttpTarget(wanted, allowed_hosts=allowed_hosts)
    from genaiops_core.evaluation.targets import chat

    if wanted.kind == "openai":
        return chat.openai_target(wanted, allowed_hosts=allowed_hosts)
    return chat.bedrock_target(wanted)
