"""Judges: whoever measures a metric of a case. One protocol; `offline` needs no account."""

from __future__ import annotations

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.judges.offline import OfflineJudge
from genaiops_core.evaluation.judges.protocol import Judge, Judgement, JudgeOptions

__all__ = ["Judge", "Judgement", "judge", "known_judges"]


def known_judges() -> tuple[str, ...]:
    """What `--judge` takes."""
    return ("offline",)


def judge(name: str, options: JudgeOptions | None = None) -> Judge:
    """The judge of that name.

    Raises:
        BadInput: there is none.
    """
    if name.strip().lower() == "offline":
        return OfflineJudge()
    raise BadInput(f"There is no judge '{name}'; give one of: {', '.join(known_judges())}.")
