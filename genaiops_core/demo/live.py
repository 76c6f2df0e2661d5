"""A live demo application: it fetches the release flag of each user and sends traces to the API."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx

from genaiops_core.clock import now_ns
from genaiops_core.demo.arrivals import Arrival
from genaiops_core.demo.otlp_json import export_request
from genaiops_core.demo.profiles import APPLICATIONS, SUPPORT_AGENT, ApplicationProfile, ReleaseProfile
from genaiops_core.demo.traces import DemoTrace, TraceBuilder
from genaiops_core.errors import NotFound, Unavailable

REQUESTS_PER_SECOND = 8
_SUPPORT_SHARE = 0.75
_FINISHED_NS = 5 * 10**9
"""Age of simulated requests, so that all of their spans have ended when they are sent."""
_SHARE_WINDOW_S = 10
_RETRY_TIMEOUT_S = 15.0
"""How long requests are retried while the API starts, is full or is not reachable."""

_OUTAGE_ERROR_SHARE = 0.2


@dataclass(frozen=True, kw_only=True)
class LiveSecond:
    """Traffic of the application in one second."""

    at: dt.datetime
    requests: int
    errors: int
    routed: int
    """Requests of support-agent, whose traffic is split."""
    canary_requests: int
    canary: str
    """Name of the canary; empty when no user had the canary in this second."""
    canary_share: float | None
    """Canary share of support-agent's requests in the last ten seconds; None before the first request."""


class LiveApplication:
    """Sends simulated traffic of the demo applications; each request uses the release of its user's flag."""

    def __init__(
        self, client: httpx.Client, *, rng: random.Random | None = None, is_outage: bool = False
    ) -> None:
        """`client` has the base URL of the API; with `is_outage` the canary fails until the policy rolls it back."""
        self._client = client
        # No fixed seed: a second run would send the same trace ids, and ingest would drop its spans as duplicates.
        self._rng = rng or random.Random()
        self._is_outage = is_outage
        self._builders = {each.application: TraceBuilder(each, self._rng) for each in APPLICATIONS}
        self._served: Counter[tuple[str, str]] = Counter()
        self._shares: deque[tuple[float, bool]] = deque()

    def run(
        self,
        seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Iterator[LiveSecond]:
        """Send a batch per second until `seconds` have passed.

        Raises:
            NotFound: the API has no route for a demo application.
            Unavailable: the API does not respond.
        """
        end = clock() + seconds
        while (started := clock()) < end:
            yield self._send_second(started)
            sleep(max(0.0, min(started + 1.0, end) - clock()))

    def _send_second(self, at: float) -> LiveSecond:
        traces: list[DemoTrace] = []
        canaries: list[str] = []
        routed = 0
        for _ in range(REQUESTS_PER_SECOND):
            profile = self._pick_application()
            user_id = f"user-{int(profile.users * self._rng.random()):04d}"
            answer = self._fetch_flag(profile.application, user_id)
            is_canary = answer.get("variant") == "canary"
            traces.append(self._serve(profile, user_id, answer, is_canary=is_canary))
            if profile is SUPPORT_AGENT:
                routed += 1
                canaries += [str(answer["release"])] * is_canary
                self._shares.append((at, is_canary))
        self._post("/v1/traces", export_request(traces))
        while self._shares and self._shares[0][0] < at - _SHARE_WINDOW_S:
            self._shares.popleft()
        recent = [is_canary for _at, is_canary in self._shares]
        return LiveSecond(
            at=dt.datetime.now(dt.UTC),
            requests=len(traces),
            errors=sum(1 for trace in traces if trace.spans[0].error),
            routed=routed,
            canary_requests=len(canaries),
            canary=canaries[0] if canaries else "",
            canary_share=sum(recent) / len(recent) if recent else None,
        )

    def _pick_application(self) -> ApplicationProfile:
        if self._rng.random() < _SUPPORT_SHARE:
            return SUPPORT_AGENT
        return self._rng.choice([each for each in APPLICATIONS if each is not SUPPORT_AGENT])

    def _fetch_flag(self, application: str, user_id: str) -> dict[str, Any]:
        """Fetch the flag `release` of this user."""
        response = self._post(
            "/ofrep/v1/evaluate/flags/release",
            {"context": {"targetingKey": user_id, "application": application}},
        )
        value: dict[str, Any] = response.json()["value"]
        return value

    def _serve(
        self, profile: ApplicationProfile, user_id: str, answer: dict[str, Any], *, is_canary: bool
    ) -> DemoTrace:
        release = _find_release_profile(profile, answer)
        arrival = Arrival(
            start_ns=now_ns() - _FINISHED_NS,
            user_id=user_id,
            session_id=f"{self._rng.getrandbits(64):016x}",
            release=release.release,
            phase_share=1.0,
        )
        share = _OUTAGE_ERROR_SHARE if is_canary and self._is_outage else release.error_share
        # Every n-th request fails instead of random ones: a random streak could exceed the 5 % of the policy.
        every = round(1 / share)
        key = (profile.application, release.release)
        self._served[key] += 1
        return self._builders[profile.application].build(
            arrival, release, fails=self._served[key] % every == every // 2
        )

    def _post(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Send until the API accepts the body; retry 503 and refused connections, as an exporter does."""
        give_up_at = time.monotonic() + _RETRY_TIMEOUT_S
        while True:
            problem, wait_s = "", 0.5
            try:
                response = self._client.post(path, json=body)
            except httpx.TransportError as error:
                problem = str(error) or type(error).__name__
            else:
                if response.status_code == 404:
                    raise NotFound(
                        "The API has no route for the demo applications; run 'genaiops demo' on its database first."
                    )
                if response.is_success:
                    return response
                problem = f"status {response.status_code}: {response.text[:200]}"
                if response.status_code not in (429, 502, 503, 504):
                    raise Unavailable(f"The API refused {path} with {problem}.")
                wait_s = float(response.headers.get("Retry-After", wait_s))
            if time.monotonic() + wait_s > give_up_at:
                raise Unavailable(
                    f"The API at {self._client.base_url} does not accept {path} ({problem}); start it with 'genaiops up'."
                )
            time.sleep(wait_s)


def _find_release_profile(profile: ApplicationProfile, answer: dict[str, Any]) -> ReleaseProfile:
    """Find the profile of the release; a release of an operator behaves like the newest stable demo release."""
    name = str(answer["release"])
    known = {each.release: each for each in profile.releases}
    if name in known:
        return known[name]
    ordinary = next(each for each in profile.releases if each.release == profile.phases[-1].stable)
    return replace(ordinary, release=name, model=str(answer.get("model_id") or ordinary.model))
