"""Names of judges, as `--judge` takes them: a kind of judge and its parameters in one line of text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.models.openai import OPENAI_URL

MAX_CHARACTERS = 200
"""Limit of a whole name, as results store it."""


class JudgeKind(NamedTuple):
    """A kind of judge."""

    kind: str
    pattern: str
    """The syntax of its names."""
    example: str
    description: str


KINDS = (
    JudgeKind("offline", "offline", "offline", "Computed proxies: no model, no account, no cost."),
    JudgeKind(
        "bedrock",
        "bedrock:MODEL",
        "bedrock:us.anthropic.claude-haiku-4-5-20251001-v1:0",
        "A model of Amazon Bedrock through Converse: a model ID, an inference profile or an ARN.",
    ),
    JudgeKind(
        "openai",
        "openai:MODEL@BASE_URL",
        f"openai:gpt-4.1-mini@{OPENAI_URL}",
        "A model of any server with the API of OpenAI's chat completions.",
    ),
    JudgeKind(
        "agentcore",
        "agentcore:EVALUATOR[,EVALUATOR...]",
        "agentcore:Builtin.Faithfulness,Builtin.Helpfulness",
        "Evaluators of Amazon Bedrock AgentCore, with models and prompts of AWS.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class JudgeName:
    """A parsed name of a judge."""

    kind: str
    model: str = ""
    base_url: str = ""
    evaluators: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind == "openai":
            return f"openai:{self.model}@{self.base_url}"
        if self.kind == "agentcore":
            return f"agentcore:{','.join(self.evaluators)}"
        return f"{self.kind}:{self.model}" if self.model else self.kind


def parse_judge_name(text: str) -> JudgeName:
    """Parse a name.

    Raises:
        BadInput: the name is invalid; the message shows the syntax.
    """
    plain = text.strip()
    if len(plain) > MAX_CHARACTERS:
        raise BadInput(f"The name of a judge has at most {MAX_CHARACTERS} characters, not {len(plain)}.")
    kind, colon, rest = plain.partition(":")
    kind, rest = kind.strip().lower(), rest.strip()
    if kind == "offline":
        if rest:
            raise BadInput("The judge 'offline' takes nothing after its name: it calls no model.")
        return JudgeName(kind="offline")
    parse_kind = {"bedrock": _parse_bedrock, "openai": _parse_openai, "agentcore": _parse_agentcore}.get(kind)
    if parse_kind is None:
        # A mistyped name may be an address with a password, so the message repeats only its beginning.
        repeated = kind if colon and re.fullmatch(r"[a-z]{1,20}", kind) else plain[:40].split("@")[0]
        raise BadInput(
            f"There is no judge '{repeated}'; give one of: {', '.join(judge_kind.pattern for judge_kind in KINDS)}."
        )
    if not rest:
        judge_kind = next(judge_kind for judge_kind in KINDS if judge_kind.kind == kind)
        raise BadInput(
            f"The judge '{kind}' needs a parameter: write {judge_kind.pattern}, for example {judge_kind.example}."
        )
    return parse_kind(rest)


_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]*")
_ARN = re.compile(r"arn:aws[a-z-]*:(bedrock|sagemaker):[a-z0-9-]*:\d{0,12}:.+")


def _parse_bedrock(model: str) -> JudgeName:
    if not _MODEL.fullmatch(model):
        raise BadInput(
            f"'{model}' is not the ID of a Bedrock model: an ID has only letters, digits and . _ : / -, "
            f"for example {KINDS[1].example}."
        )
    if model.startswith("arn:") and not _ARN.fullmatch(model):
        raise BadInput(
            f"'{model}' is not an ARN of Bedrock; an ARN begins with arn:aws:bedrock:REGION:ACCOUNT:."
        )
    return JudgeName(kind="bedrock", model=model)


def _parse_openai(rest: str) -> JudgeName:
    # The last @: names of models may contain one, addresses may not.
    model, at, address = rest.rpartition("@")
    if "://" in model:
        raise BadInput(
            "The address of an OpenAI-compatible judge must hold no user name or password; "
            "put the key into OPENAI_API_KEY or GENAIOPS_JUDGE_API_KEY."
        )
    if not at or not model or not address:
        raise BadInput(
            f"An OpenAI-compatible judge is written openai:MODEL@BASE_URL, for example {KINDS[2].example}."
        )
    if re.search(r"\s", model):
        raise BadInput(f"The model '{model}' has a space in its name.")
    return JudgeName(kind="openai", model=model, base_url=_parse_address(address))


def _parse_address(address: str) -> str:
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        _ = parts.port  # out of range raises
    except ValueError as error:
        raise BadInput(f"The address '{address}' of the judge is not a URL: {error}.") from error
    if not usable or re.search(r"\s", address):
        raise BadInput(
            f"The address '{address}' of the judge must be an http or https URL, such as http://localhost:11434/v1."
        )
    if parts.query or parts.fragment:
        raise BadInput(
            f"The address of the judge must end with its path, without '?' or '#': {address.split('?')[0].split('#')[0]}."
        )
    # Without the slash, so that one server has one name in results and comparisons.
    return address.rstrip("/")


# The syntax of evaluator IDs in the API of AgentCore.
_EVALUATOR = re.compile(
    r"Builtin\.[A-Za-z0-9._-]+|ThirdParty\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+|[A-Za-z][A-Za-z0-9_-]{0,99}-[A-Za-z0-9]{10}"
)


def _parse_agentcore(rest: str) -> JudgeName:
    names = tuple(dict.fromkeys(part.strip() for part in rest.split(",")))
    for name in names:
        if not _EVALUATOR.fullmatch(name):
            raise BadInput(
                f"'{name}' is not the ID of an AgentCore evaluator; write Builtin.NAME (for example Builtin.Faithfulness) "
                "or the ID of your own, which ends in '-' and ten characters."
            )
    return JudgeName(kind="agentcore", evaluators=names)
