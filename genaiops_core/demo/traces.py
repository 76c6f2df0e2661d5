"""A demo request as a trace with scores, as a pure function of a seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

from genaiops_core.demo.arrivals import Arrival
from genaiops_core.demo.exchanges import Exchange, exchange
from genaiops_core.demo.knowledge import UNSUPPORTED
from genaiops_core.demo.profiles import ENVIRONMENT, METRICS, ApplicationProfile, ReleaseProfile
from genaiops_core.demo.spans import DemoSpan, SpanWriter
from genaiops_core.telemetry.origin import DEMO_ATTRIBUTE

_SCORED_SHARE = 0.3
_UNDEFINED_SHARE = 0.01
_BLOCKED_SHARE = 0.012


class DemoScore(NamedTuple):
    """A random score of a request; None with a reason when a judge would have no input."""

    metric: str
    value: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class DemoTrace:
    """A complete request; the root span is first."""

    application: str
    trace_id: str
    release: str
    user_id: str
    spans: list[DemoSpan]
    scores: list[DemoScore]
    thumb: str
    """'up', 'down', or empty without feedback."""

    @property
    def start_ns(self) -> int:
        return self.spans[0].start_ns


def resource(application: str) -> dict[str, str]:
    """The resource attributes of every span of a demo application."""
    return {
        "service.name": application,
        "deployment.environment.name": ENVIRONMENT,
        "telemetry.sdk.language": "python",
        "cloud.provider": "aws",
        "cloud.region": "us-east-1",
        # A live demo that runs on after `genaiops demo --remove` must not register a real application.
        DEMO_ATTRIBUTE: "true",
    }


class TraceBuilder:
    """Builds the traces of an application; all random values come from `rng`."""

    def __init__(self, profile: ApplicationProfile, rng: random.Random) -> None:
        self._profile = profile
        self._rng = rng
        self._exchanges: dict[tuple[str, int, int], Exchange] = {}

    def build(self, arrival: Arrival, release: ReleaseProfile, *, fails: bool | None = None) -> DemoTrace:
        """Build the trace of an arrival that `release` answers.

        `fails` says whether the request ends in an error; it is drawn from the release's error share when None.
        """
        rng, profile = self._rng, self._profile
        topic_no = int(len(profile.topics) * rng.random() ** 1.3)
        question_no = int(rng.random() * len(profile.topics[topic_no].questions))
        drift = arrival.phase_share if release.quality_drift else 1.0
        if fails is None:
            # The quality of a degrading release falls over its phase.
            fails = rng.random() < release.error_share * (0.4 + 0.6 * drift)
        blocked = not fails and "guardrail" in profile.components and rng.random() < _BLOCKED_SHARE
        unsupported = rng.random() < release.unsupported_share * drift
        answer_no = 1 + int(rng.random() * len(UNSUPPORTED)) if unsupported else 0
        writer = SpanWriter(profile, release, arrival, rng, self._exchange(release, topic_no, question_no))
        writer.run(fails=fails, blocked=blocked, answer_no=answer_no, drift=drift)
        scored = not fails and not blocked and rng.random() < _SCORED_SHARE
        return DemoTrace(
            application=profile.application,
            trace_id=f"{rng.getrandbits(128):032x}",
            release=release.release,
            user_id=arrival.user_id,
            spans=writer.spans,
            scores=_scores(release, arrival, rng, is_unsupported=unsupported) if scored else [],
            thumb=_thumb(rng, is_bad=fails or unsupported),
        )

    def _exchange(self, release: ReleaseProfile, topic_no: int, question_no: int) -> Exchange:
        key = (release.release, topic_no, question_no)
        if key not in self._exchanges:
            self._exchanges[key] = exchange(self._profile, release, topic_no, question_no)
        return self._exchanges[key]


def _scores(
    release: ReleaseProfile, arrival: Arrival, rng: random.Random, *, is_unsupported: bool
) -> list[DemoScore]:
    scores = []
    for metric, mean in zip(METRICS, release.quality, strict=True):
        if rng.random() < _UNDEFINED_SHARE:
            scores.append(DemoScore(metric, None, "The answer makes no claim that could be judged."))
            continue
        centre = mean + release.quality_drift * arrival.phase_share
        if is_unsupported and metric == "faithfulness":
            centre -= 0.06
        value = min(1.0, max(0.0, centre + rng.gauss(0, 0.05)))
        scores.append(DemoScore(metric, round(value, 3), ""))
    return scores


def _thumb(rng: random.Random, *, is_bad: bool) -> str:
    if rng.random() > 0.04:
        return ""
    return "down" if rng.random() < (0.7 if is_bad else 0.12) else "up"
