"""`genaiops import traces` and `import prices`, as typed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from db.tables.telemetry import price, span
from db.transaction import reading
from genaiops_core.cli import context, imports
from genaiops_core.errors import BadInput
from tests.otlp_samples import body, build_protobuf, call
from tests.otlp_samples import span as sample

app = typer.Typer()
app.add_typer(imports.commands, name="import")


def run(*arguments: str) -> dict[str, list[dict[str, object]]]:
    result = CliRunner().invoke(app, ["import", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.output))


@pytest.fixture(autouse=True)
def database(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    # The fixture's engine, because a command leaves closing its own to the end of the process.
    monkeypatch.setattr(context, "engine", lambda: engine)
    monkeypatch.setenv("GENAIOPS_ACTOR", "ann")


def count(engine: sa.Engine, table: sa.Table) -> int:
    with reading(engine) as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar() or 0)


def test_traces_import_reads_json_protobuf_and_gzip(engine: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(body(call(1), sample(2) | {"spanId": "bad"}))
    (tmp_path / "b.json.gz").write_bytes(gzip.compress(body(call(1), call(3, trace=2))))
    (tmp_path / "c.pb").write_bytes(build_protobuf())
    (tmp_path / "d.pb.gz").write_bytes(gzip.compress(build_protobuf()))
    files = run("traces", *[str(tmp_path / name) for name in ("a.json", "b.json.gz", "c.pb", "d.pb.gz")])[
        "files"
    ]
    assert [(f["spans"], f["new"], f["rejected"]) for f in files] == [
        (1, 1, 1),
        (2, 1, 0),
        (2, 1, 0),
        (2, 0, 0),
    ]
    assert "span 1 'chat'" in str(files[0]["problem"])
    assert count(engine, span) == 3


def test_invalid_export_imports_nothing(engine: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_bytes(body(call(1)))
    (tmp_path / "bad.json").write_text("no")
    for bad in ("bad.json", "missing.json"):
        with pytest.raises(BadInput, match=bad):
            run("traces", str(tmp_path / "good.json"), str(tmp_path / bad))
    assert count(engine, span) == 0


def test_prices_import_reads_json_and_csv(engine: sa.Engine, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"m": ["1.95", 2.56], "n": [1, 2]}')
    (tmp_path / "q.csv").write_text("model,region,input,output\nm,eu-west-1,1,2\n")
    files = run("prices", str(tmp_path / "p.json"), str(tmp_path / "q.csv"))["files"]
    assert [(f["prices"], f["models"], f["special"]) for f in files] == [(2, 2, 0), (1, 1, 1)]
    assert count(engine, price) == 3


def test_price_import_reports_that_stored_calls_keep_cost(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text('{"m": [1, 2]}')
    result = CliRunner().invoke(app, ["import", "prices", str(tmp_path / "p.json")])
    assert "1 prices of 1 models imported" in result.output
    assert "stored calls keep their cost" in result.output
