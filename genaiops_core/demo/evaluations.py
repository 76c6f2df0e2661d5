"""The demo's dataset and evaluation history: for each release of support-agent, a version with its answers and a run."""

from __future__ import annotations

import datetime as dt
import random

import sqlalchemy as sa

from db.tables import evaluations as tables
from db.transaction import writing
from genaiops_core.demo.exchanges import retrieve
from genaiops_core.demo.knowledge import UNSUPPORTED
from genaiops_core.demo.profiles import SUPPORT_AGENT, ReleaseProfile
from genaiops_core.evaluation import datasets, runs
from genaiops_core.evaluation.datasets.case import Case
from genaiops_core.evaluation.runs import execution

DATASET = "support-questions"
AUTHOR = "ada"
MINIMUMS = {"grounding_overlap": 0.75, "reference_overlap": 0.8}
_OPENINGS = ("{question}", "Hello, {question}", "Quick question: {question}", "{question} Thank you!")
_DAYS_AGO = {"v12": 30.0, "v13": 22.5, "v14": 9.5, "v15": 0.5}


def write(engine: sa.Engine, now: dt.datetime, seed: int) -> None:
    """A version of the dataset and a finished run of the offline judge for each release, dated before its rollout."""
    for release in SUPPORT_AGENT.releases:
        at = now - dt.timedelta(days=_DAYS_AGO[release.release])
        version = datasets.add_cases(
            engine,
            actor=AUTHOR,
            name=DATASET,
            cases=cases(release, seed),
            source=f"answers of {SUPPORT_AGENT.application} {release.release}",
            reason="Demo data",
            is_demo=True,
        )
        identifier = runs.launch(
            engine,
            actor=AUTHOR,
            dataset=DATASET,
            version=version.version,
            minimums=MINIMUMS,
            application=SUPPORT_AGENT.application,
            release=release.release,
            reason="Demo data",
            is_demo=True,
        )
        # The run is executed here, so that the demo needs no worker; a worker that also takes it changes nothing.
        execution.run(engine, identifier)
        _date(engine, version.version, identifier, at)


def cases(release: ReleaseProfile, seed: int) -> list[Case]:
    """Every question in four wordings, with what `release` retrieves and answers."""
    rng = random.Random(f"{seed}/{release.release}/cases")
    demo_cases = []
    for opening in _OPENINGS:
        for topic_no, topic in enumerate(SUPPORT_AGENT.topics):
            contexts = tuple(each.passage for each in retrieve(SUPPORT_AGENT, topic_no, release.top_k))
            for question in topic.questions:
                # A worse release adds an unsupported sentence, also where the scores of the traffic do not show it.
                is_unsupported = rng.random() < release.unsupported_share
                answer = f"{topic.answer} {rng.choice(UNSUPPORTED)}" if is_unsupported else topic.answer
                demo_cases.append(
                    Case(
                        input=opening.format(question=question),
                        answer=answer,
                        contexts=contexts,
                        reference=topic.answer,
                        metadata={"topic": topic.title},
                    )
                )
    return demo_cases


def _date(engine: sa.Engine, version: int, identifier: str, at: dt.datetime) -> None:
    """Backdate the version and the run to `at`."""
    with writing(engine) as connection:
        of_version = tables.dataset_version.c.dataset == DATASET
        connection.execute(
            sa.update(tables.dataset_version)
            .where(of_version, tables.dataset_version.c.version == version)
            .values(created_at=at)
        )
        if version == 1:
            connection.execute(
                sa.update(tables.dataset).where(tables.dataset.c.name == DATASET).values(created_at=at)
            )
        connection.execute(
            sa.update(tables.evaluation)
            .where(tables.evaluation.c.id == identifier)
            .values(
                created_at=at,
                started_at=at + dt.timedelta(seconds=1),
                finished_at=at + dt.timedelta(seconds=9),
            )
        )
