"""Judge-human agreement through the command line and the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from genaiops_core.api.app import create_app
from genaiops_core.cli.main import run
from genaiops_core.settings import Settings
from tests.integration.labelled import (
    LABELS,
    METRIC,
    SCORES,
    create_finished_run,
    import_dataset,
    import_labels,
)


@pytest.fixture
def home(engine: sa.Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", database_url)
    monkeypatch.setenv("GENAIOPS_ACTOR", "grace")
    import_dataset(engine, 60)
    return engine


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> tuple[int, str, str]:
    """(exit code, stdout, stderr)."""
    monkeypatch.setattr("sys.argv", ["genaiops", *words])
    with pytest.raises(SystemExit) as end:
        run()
    out, err = capsys.readouterr()
    return int(end.value.code or 0), out, err


def test_labels_come_in_and_are_counted(
    home: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "labels.csv"
    file.write_text("number,mark\n1,5\n2,1\n61,3\n")
    words = ["label", "import", str(file), "--dataset", "prices", "--metric", "groundedness", "--json"]
    mapped = ["--map", "case=number", "--map", "label=mark", "--scale", "1..5"]
    code, out, _ = command(monkeypatch, capsys, *words, *mapped)
    summary: dict[str, Any] = json.loads(out)
    assert (code, summary["labels"], summary["new"], summary["rejected"]) == (0, 2, 2, 1)
    assert summary["problems"] == [{"row": 4, "column": "number", "problem": "is 61, but there are 60 cases"}]
    code, out, _ = command(monkeypatch, capsys, "label", "list", "--json")
    assert [(count["metric"], count["cases"], count["mean"]) for count in json.loads(out)["labels"]] == [
        ("groundedness", 2, 0.5)
    ]
    code, out, _ = command(monkeypatch, capsys, "label", "from-reviews", "--dataset", "prices", "--json")
    assert (code, json.loads(out)["labels"]) == (0, {})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["label", "import", "nowhere.csv", "--dataset", "prices", "--metric", "m"], "cannot be read"),
        (["agreement"], "one of --evaluation ID, --dataset NAME and --production"),
        (["agreement", "--dataset", "prices", "--match", "faithfulness"], "METRIC=LABEL"),
        (["agreement", "--dataset", "prices", "--cut", "faithfulness=2"], "from 0 to 1"),
        (["agreement", "--evaluation", "none"], "no evaluation none"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    home: sa.Engine,
    words: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = command(monkeypatch, capsys, *words)
    assert (code, out) == (2, "")
    assert sentence in err
    assert err.count("\n") == 1


def test_agreement_is_printed_as_text_and_json(
    home: sa.Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import_labels(home, LABELS)
    identifier = create_finished_run(home, SCORES)
    code, out, _ = command(monkeypatch, capsys, "agreement", "--evaluation", identifier, "--json")
    (agreement,) = json.loads(out)["agreement"]
    assert (code, agreement["metric"], agreement["labelled"], agreement["auroc"]["value"]) == (
        0,
        METRIC,
        40,
        1.0,
    )
    assert agreement["corrected"]["mean"] == pytest.approx(0.7, abs=0.02)
    code, out, _ = command(monkeypatch, capsys, "agreement", "--dataset", "prices@1")
    assert "Compared by default: grounding_overlap=groundedness" in out
    assert "random sample" in out
    code, out, _ = command(monkeypatch, capsys, "agreement", "--production")
    assert "Nothing to compare" in out


def test_the_route_returns_the_same_agreement(home: sa.Engine, database_url: str) -> None:
    import_labels(home, {1: "good", 2: "bad"})
    identifier = create_finished_run(home, SCORES)
    with TestClient(create_app(Settings(database_url=database_url))) as client:
        of_run = client.get("/api/v1/agreement", params={"evaluation": identifier}).json()
        of_dataset = client.get("/api/v1/agreement", params={"dataset": "prices"}).json()
        of_traffic = client.get("/api/v1/agreement").json()
        both = client.get("/api/v1/agreement", params={"dataset": "prices", "evaluation": identifier})
        left_out = client.get(
            "/api/v1/agreement", params={"evaluation": identifier, "match": f"{METRIC}="}
        ).json()
    (row,) = of_run["rows"]
    assert row["problem"] == "insufficient data: 2 of at least 20 labelled cases"
    assert (row["spearman"], row["corrected"]["mean"]) == (None, None)
    assert of_dataset["rows"] == of_run["rows"]
    assert of_dataset["version"] == 1
    assert (of_traffic["rows"], left_out["rows"]) == ([], [])
    assert both.status_code == 400
