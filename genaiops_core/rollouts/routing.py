"""Routing: a pure function of (routing table, flag, targeting key).

A user's place is the SHA-256 of `salt:targetingKey`, read as a fraction of 2^64. The canary gets the places from 0 up
to its share, so a larger share adds users and removes none. The flag is not part of the hash: a user gets release,
model and prompt of the same variant. The salt changes with each rollout, so that the first users of a canary differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal

GRAIN = 10_000
"""Shares are stored in ten-thousandths: 0.01 %."""

STABLE = "stable"
CANARY = "canary"

_ABOVE_EVERY_PLACE = b"\xff" * 33


class FlagNotFound(LookupError):
    """The table, or the variant of this user, has no such flag."""


class TargetingKeyMissing(LookupError):
    """Traffic is split, and the request has no targeting key."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """The parts of a release that applications need: model, prompts and parameters."""

    release: str
    model_id: str = ""
    prompts: tuple[Mapping[str, Any], ...] = ()  # {"name": str, "version": int, "text": str}, first one first
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The value of one flag for one user. `value` is shared between users: do not change it."""

    value: Any
    variant: Literal["stable", "canary"]
    reason: Literal["SPLIT", "STATIC"]


@dataclass(frozen=True, kw_only=True)
class RoutingTable:
    """One version of the routing of one application."""

    application: str
    version: int
    stable: Target
    canary: Target | None = None
    canary_percent: float = 0.0  # 0 to 100, in steps of 0.01
    salt: str = ""

    @cached_property
    def prefix(self) -> bytes:
        """The bytes that are hashed before the targeting key."""
        return f"{self.salt}:".encode()

    @cached_property
    def canary_end(self) -> bytes:
        """The first place after the canary's: a digest that sorts below it belongs to the canary."""
        share = round(self.canary_percent * GRAIN / 100)
        # 2^64 needs a ninth byte; a longer run of the highest byte sorts above every digest instead.
        return _ABOVE_EVERY_PLACE if share >= GRAIN else (-(-share * 2**64 // GRAIN)).to_bytes(8, "big")

    @cached_property
    def decisions(self) -> dict[str, tuple[Decision | None, Decision | None]]:
        """For each flag the ready decision of (stable, canary); None where that variant has no value."""
        reason: Literal["SPLIT", "STATIC"] = "STATIC" if self.canary is None else "SPLIT"
        stable = {
            flag: Decision(value, "stable", reason) for flag, value in _flags(self.stable, STABLE).items()
        }
        if self.canary is None:
            return {flag: (decision, None) for flag, decision in stable.items()}
        canary = {
            flag: Decision(value, "canary", reason) for flag, value in _flags(self.canary, CANARY).items()
        }
        return {flag: (stable.get(flag), canary.get(flag)) for flag in stable | canary}


def is_canary(table: RoutingTable, targeting_key: str) -> bool:
    """Whether this user's place is one of the canary's."""
    return sha256(table.prefix + targeting_key.encode()).digest() < table.canary_end


def evaluate(table: RoutingTable, flag: str, targeting_key: str) -> Decision:
    """The decision on `flag` for `targeting_key`.

    Args:
        table: the routing of the application.
        flag: `release` (object), `model` (text), `prompt` (text of the first prompt) or `prompt:NAME`.
        targeting_key: the user; the same key gets the same variant until the canary's share shrinks below its place.
            May be '' while no canary is live.

    Raises:
        FlagNotFound: there is no such flag, or this user's release does not set it.
        TargetingKeyMissing: a canary is live and the key is ''.
    """
    pair = table.decisions.get(flag)
    if pair is None:
        raise FlagNotFound(flag)
    decision = pair[0]
    if table.canary is not None:
        if not targeting_key:
            raise TargetingKeyMissing(flag)
        # As `is_canary`, without the cost of a call.
        if sha256(table.prefix + targeting_key.encode()).digest() < table.canary_end:
            decision = pair[1]
    if decision is None:
        raise FlagNotFound(flag)
    return decision


def _flags(target: Target, variant: str) -> dict[str, Any]:
    """The value of each flag for users of `target`; a release without model or prompt has no such flag."""
    prompts = {str(prompt["name"]): prompt for prompt in target.prompts}
    values: dict[str, Any] = {
        "release": {
            "release": target.release,
            "model_id": target.model_id,
            "prompts": {
                name: {"version": prompt["version"], "text": prompt["text"]}
                for name, prompt in prompts.items()
            },
            "parameters": dict(target.parameters),
            "variant": variant,
        }
    }
    if target.model_id:
        values["model"] = target.model_id
    if target.prompts:
        values["prompt"] = target.prompts[0]["text"]
    for name, prompt in prompts.items():
        values[f"prompt:{name}"] = prompt["text"]
    return values
