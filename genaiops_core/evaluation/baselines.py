"""Which finished run another one is compared with."""

from __future__ import annotations

import sqlalchemy as sa

from genaiops_core.evaluation import runs
from genaiops_core.evaluation.runs import Evaluation


def named(connection: sa.Connection, run: Evaluation, release: str) -> Evaluation | None:
    """`production_v1.2.0` names release v1.2.0 as it runs in production; a release of that very name goes first."""
    for name in dict.fromkeys((release, release.removeprefix("production_"))):
        for candidate in runs.list_evaluations(connection, run.application, release=name):
            if candidate.state == "finished" and candidate.judge == run.judge and candidate.id != run.id:
                return candidate
    return None
