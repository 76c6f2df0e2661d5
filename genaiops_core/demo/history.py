"""History of the demo: prompts, releases, approvals, rollouts and a rollback, written by the real use cases.

The use cases write the current time, so each step is backdated right after it. The audit log is not backdated: it shows
when the demo was written.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from db.tables import releases as release_tables
from db.tables import rollouts as rollout_tables
from db.transaction import reading, writing
from genaiops_core.demo.profiles import ApplicationProfile, Phase, ReleaseProfile
from genaiops_core.releases import approvals, prompts, releases
from genaiops_core.rollbacks import incidents, procedure
from genaiops_core.rollbacks.observations import observe
from genaiops_core.rollouts import rollouts

AUTHOR, APPROVER, OPERATOR = "ada", "grace", "linus"
_WHY = "Demo data"


class HistoryWriter:
    """Replays the phases of an application, oldest first."""

    def __init__(self, engine: sa.Engine, profile: ApplicationProfile, now: dt.datetime) -> None:
        self._engine = engine
        self._profile = profile
        self._now = now

    def write(self) -> None:
        """Write every release, approval, rollout and rollback of the application."""
        phases = self._profile.phases
        self._approve(phases[0].stable, phases[0].from_days_ago)
        self._start(phases[0].stable, phases[0].from_days_ago, percent=None)
        for before, after in pairwise(phases):
            self._move(before, after)
        for release in self._profile.releases:
            if release.outcome == "approved":
                self._approve(release.release, 0.6)
            elif release.outcome == "pending":
                self._request(release.release, 0.15)

    def _move(self, before: Phase, after: Phase) -> None:
        """Apply the change between two phases: start, next step, promotion or rollback."""
        days_ago = after.from_days_ago
        if after.canary and after.canary == before.canary:
            rollouts.set_canary(
                self._engine,
                actor=OPERATOR,
                application=self._profile.application,
                percent=after.percent,
                reason=f"{_WHY}: next step",
            )
            self._date_rollout(after.canary, stepped_at=self._at(days_ago))
        elif after.canary:
            self._approve(after.canary, days_ago)
            self._start(after.canary, days_ago, percent=after.percent)
        elif after.stable == before.canary:
            rollouts.promote(
                self._engine,
                actor=OPERATOR,
                application=self._profile.application,
                reason=f"{_WHY}: better than {before.stable}",
            )
            self._date_rollout(before.canary, ended_at=self._at(days_ago))
        else:
            self._roll_back(before, days_ago)

    def _request(self, name: str, days_ago: float) -> None:
        """Register a release and its prompt, and request approval."""
        release = self._profile.release(name)
        application = self._profile.application
        prompt = prompts.add(
            self._engine,
            actor=AUTHOR,
            application=application,
            name=self._profile.prompt_name,
            text=release.prompt_text,
            reason=_WHY,
        )
        self._date(
            release_tables.prompt_version,
            {"name": self._profile.prompt_name, "version": prompt.version},
            # A prompt that an earlier release uses already keeps its older date.
            created_at=min(prompt.created_at, self._at(days_ago + 1.2)),
        )
        releases.create(
            self._engine,
            actor=AUTHOR,
            application=application,
            release=name,
            model=release.model,
            prompts=[f"{self._profile.prompt_name}@{prompt.version}"],
            code_revision=_code_revision(application, release),
            data_snapshot=f"{application}-index-{self._at(days_ago + 2):%Y-%m-%d}",
            parameters={"top_k": release.top_k, "max_tokens": 800},
            notes=release.notes,
            reason=_WHY,
        )
        self._date(release_tables.release, {"release": name}, created_at=self._at(days_ago + 1.1))
        approvals.request(
            self._engine,
            actor=AUTHOR,
            application=application,
            release=name,
            reason=release.notes or "First release.",
        )
        self._date(release_tables.approval, {"release": name}, requested_at=self._at(days_ago))

    def _approve(self, name: str, days_ago: float) -> None:
        self._request(name, days_ago + 0.4)
        approvals.approve(
            self._engine,
            actor=APPROVER,
            application=self._profile.application,
            release=name,
            reason="Reviewed model, prompt and parameters.",
        )
        self._date(release_tables.approval, {"release": name}, decided_at=self._at(days_ago + 0.1))

    def _start(self, name: str, days_ago: float, *, percent: float | None) -> None:
        rollouts.start(
            self._engine,
            actor=OPERATOR,
            application=self._profile.application,
            release=name,
            percent=percent,
            steps=(1, 10, 25, 50, 100),
            reason=_WHY,
        )
        at = self._at(days_ago)
        self._date_rollout(name, started_at=at, stepped_at=at)

    def _roll_back(self, before: Phase, days_ago: float) -> None:
        """Roll back a bad canary as the policy does; the incident is resolved a day later."""
        application = self._profile.application
        done = procedure.roll_back(
            self._engine,
            actor="policy",
            application=application,
            reason="avg_quality_score below 0.75 for 15 minutes",
            trigger="quality_degradation",
        )
        self._date_rollout(before.canary, ended_at=self._at(days_ago))
        metrics = self._metrics_before(before, days_ago)
        key = {"from_release": before.canary}
        self._date(rollout_tables.rollback, key, at=self._at(days_ago), metrics=metrics)
        self._resolve(done.id, days_ago, metrics)

    def _metrics_before(self, phase: Phase, days_ago: float) -> dict[str, Any]:
        """The figures of the rollback, over the whole duration of the canary."""
        window_min = int((phase.from_days_ago - days_ago) * 24 * 60)
        with reading(self._engine) as connection:
            return {
                "window_min": window_min,
                **{
                    variant: observe(
                        connection,
                        application=self._profile.application,
                        release=release,
                        variant=variant,
                        now=self._at(days_ago),
                        window_min=window_min,
                    ).as_json()
                    for variant, release in (("stable", phase.stable), ("canary", phase.canary))
                },
            }

    def _resolve(self, rollback_id: int, days_ago: float, metrics: dict[str, Any]) -> None:
        with reading(self._engine) as connection:
            opened = [
                incident
                for incident in incidents.list_incidents(connection, self._profile.application)
                if incident.rollback_id == rollback_id
            ]
        for incident in opened:
            incidents.resolve(
                self._engine,
                actor=AUTHOR,
                incident_id=incident.id,
                reason="The shorter prompt dropped the amounts. The proven prompt is tried on the cheaper model.",
            )
            self._date(
                rollout_tables.incident,
                {"id": incident.id},
                opened_at=self._at(days_ago),
                resolved_at=self._at(days_ago - 1),
                metrics=metrics,
            )

    def _date_rollout(self, canary: str, **instants: dt.datetime) -> None:
        self._date(rollout_tables.rollout, {"canary": canary}, **instants)

    def _date(self, table: sa.Table, key: dict[str, Any], **values: Any) -> None:
        """Backdate the row of this application that matches `key`."""
        query = sa.update(table).where(table.c.application == self._profile.application)
        for column, value in key.items():
            query = query.where(table.c[column] == value)
        with writing(self._engine) as connection:
            connection.execute(query.values(**values))

    def _at(self, days_ago: float) -> dt.datetime:
        return self._now - dt.timedelta(days=days_ago)


def _code_revision(application: str, release: ReleaseProfile) -> str:
    return hashlib.sha256(f"{application}/{release.release}".encode()).hexdigest()[:12]
