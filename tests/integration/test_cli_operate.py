"""The commands of releases, rollouts, rollbacks, policy and audit, as a person types them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
import typer
from typer.testing import CliRunner

from genaiops_core.access import audit as audit_log
from genaiops_core.cli import audit, context, releases, rollbacks, rollouts, status
from genaiops_core.errors import BadInput, Conflict, GenAIOpsError, NotAllowed
from genaiops_core.project import default_config

commands = typer.Typer()
for module in (releases, rollouts, rollbacks, audit, status):
    module.register(commands)


class Shell:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def run(self, line: str, *more: str, actor: str = "ada") -> str:
        """What the command prints; raises the error it ends with."""
        self._monkeypatch.setenv("GENAIOPS_ACTOR", actor)
        result = CliRunner().invoke(commands, [*line.split(), *more])
        if isinstance(result.exception, GenAIOpsError):
            raise result.exception
        assert result.exit_code == 0, result.output
        return result.output

    def json(self, line: str, *more: str, actor: str = "ada") -> Any:
        return orjson.loads(self.run(line, *more, "--json", actor=actor))


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, database_url: str) -> Iterator[Shell]:
    monkeypatch.setenv("GENAIOPS_DATABASE_URL", database_url)
    opened: list[sa.Engine] = []

    def engine() -> sa.Engine:
        # A command's process ends with its connections; here they are closed after the test.
        opened.append(open_engine())
        return opened[-1]

    open_engine = context.engine
    monkeypatch.setattr(context, "engine", engine)
    yield Shell(monkeypatch)
    for opened_engine in opened:
        opened_engine.dispose()


def release_approved(shell: Shell, release: str) -> None:
    shell.run(f"release create --application a --release {release} --model m-{release}")
    shell.run(f"release request-approval --application a --release {release}")
    shell.run(f"release approve --application a --release {release}", actor="grace")


def test_from_prompt_to_approved_release(shell: Shell, tmp_path: Path) -> None:
    text = tmp_path / "answer.txt"
    text.write_text("Answer from the context only.", encoding="utf-8")
    assert shell.run("prompt add --application a --name answer", str(text)) == "a has prompt answer@1.\n"
    assert shell.json("prompt list --application a")["prompts"][0]["text"] == "Answer from the context only."
    created = shell.run(
        "release create --application a --release v1 --model m-1 --prompt answer@1 --code 9f2c1e --data docs-01 "
        "--parameter top_k=8 --parameter style=short --reason",
        "first one",
    )
    assert created == "a/v1 is registered as candidate.\n"
    (listed,) = shell.json("release list")["releases"]
    assert (listed["application"], listed["release"], listed["state"]) == ("a", "v1", "candidate")
    assert listed["prompts"] == [{"name": "answer", "version": 1}]
    assert listed["parameters"] == {"top_k": 8, "style": "short"}
    assert (listed["code_revision"], listed["data_snapshot"], listed["created_by"]) == (
        "9f2c1e",
        "docs-01",
        "ada",
    )
    shell.run("release request-approval --application a --release v1")
    with pytest.raises(NotAllowed):
        shell.run("release approve --application a --release v1")
    assert (
        shell.run("release approve --application a --release v1", actor="grace")
        == "a/v1 is approved by grace.\n"
    )
    release = shell.json("release show --application a --release v1")
    assert (release["state"], release["approvals"][0]["decided_by"]) == ("approved", "grace")
    assert "approved by grace" in shell.run("release show --application a --release v1")
    assert shell.json("release list --state pending") == {"releases": []}


def test_line_endings_do_not_change_a_prompt_version(shell: Shell, tmp_path: Path) -> None:
    text = tmp_path / "answer.txt"
    for content in (b"Be kind.\nBe short.", b"Be kind.\r\nBe short."):
        text.write_bytes(content)
        assert shell.run("prompt add --application a --name answer", str(text)).endswith("answer@1.\n")


def test_rejection_requires_a_reason(shell: Shell) -> None:
    shell.run("release create --application a --release v1")
    shell.run("release request-approval --application a --release v1")
    with pytest.raises(BadInput, match="A reason is required"):
        shell.run("release reject --application a --release v1", actor="grace")
    sentence = shell.run("release reject --application a --release v1 --reason untested", actor="grace")
    assert sentence == "a/v1 is rejected by grace.\n"


def test_rollout_from_start_to_rollback(shell: Shell) -> None:
    for release in ("v1", "v2"):
        release_approved(shell, release)
    assert (
        shell.run("rollout start --application a --release v1")
        == "a: v1 takes all traffic (routing version 1).\n"
    )
    assert shell.run("rollout start --application a --release v2") == (
        "a: canary v2 takes 1 %, v1 the rest; running at step 1 of 5 (routing version 2).\n"
    )
    assert shell.json("rollout set --application a --canary 12.5")["percent"] == 12.5
    assert shell.json("rollout pause --application a")["state"] == "paused"
    assert shell.json("rollout resume --application a")["state"] == "running"
    (row,) = shell.json("rollout status")["rollouts"]
    assert {
        name: row[name] for name in ("application", "stable", "canary", "percent", "step", "state", "verdict")
    } == {
        "application": "a",
        "stable": "v1",
        "canary": "v2",
        "percent": 12.5,
        "step": 2,
        "state": "running",
        "verdict": "inconclusive",
    }
    assert "inconclusive" in shell.run("rollout status --application a")
    output = shell.run("rollback --application a --reason", "wrong answers")
    assert output == "a: v2 was rolled back, v1 takes all traffic (routing version 4, incident 1).\n"
    assert shell.json("incident list --state open")["incidents"][0]["title"].endswith("wrong answers")
    assert shell.run("incident resolve 1 --reason fixed") == "Incident 1 of a is resolved by ada.\n"
    assert shell.json("rollout status --application a")["rollouts"][0]["state"] == "rolled_back"
    with pytest.raises(Conflict):
        shell.run("rollback --application a --reason again")


def test_promotion_after_custom_steps(shell: Shell) -> None:
    for release in ("v1", "v2"):
        release_approved(shell, release)
    shell.run("rollout start --application a --release v1")
    started = shell.json("rollout start --application a --release v2 --step 10 --step 100 --canary 20")
    assert (started["steps"], started["percent"], started["step"]) == ([10, 100], 20, 1)
    assert shell.json("rollout promote --application a --reason better")["stable"] == "v2"


def test_empty_lists_name_the_next_command(shell: Shell) -> None:
    assert "genaiops rollout start" in shell.run("rollout status")
    assert "genaiops release create" in shell.run("release list")
    assert shell.json("rollout status --application nobody") == {"rollouts": []}


def test_policy_check_prints_triggers(shell: Shell, tmp_path: Path) -> None:
    default = str(default_config("rollback_policy.yaml"))
    checked = shell.json("policy check", default)
    assert checked["triggers"][0]["name"] == "high_error_rate"
    assert "is a valid policy: 4 triggers" in shell.run("policy check", default)
    wrong = tmp_path / "policy.yaml"
    wrong.write_text("rollback_policy: {triggers: [{name: x, metric: mood}]}")
    with pytest.raises(BadInput, match=r"triggers\[0\] \(x\)\.metric: 'mood' is not known"):
        shell.run("policy check", str(wrong))


def test_audit_list_verify_and_export(shell: Shell, tmp_path: Path) -> None:
    release_approved(shell, "v1")
    assert shell.run("audit verify") == "Audit log verified: 3 entries.\n"
    assert shell.json("audit verify")["is_intact"] is True
    lines = [orjson.loads(line) for line in shell.run("audit export").splitlines()]
    assert [line["action"] for line in lines] == [
        "release.create",
        "release.request-approval",
        "release.approve",
    ]
    written = tmp_path / "audit.jsonl"
    assert shell.json("audit export --output", str(written)) == {"output": str(written), "entries": 3}
    assert len(written.read_text().splitlines()) == 3
    assert shell.json("audit list --action release.approve")["entries"][0]["actor"] == "grace"


def test_changed_audit_entry_fails_verification(shell: Shell) -> None:
    release_approved(shell, "v1")
    with context.engine().begin() as connection:
        connection.execute(audit_log.audit_entry.update().values(actor="eve"))
    result = CliRunner().invoke(commands, ["audit", "verify"])
    assert (result.exit_code, result.output) == (
        1,
        "The audit log is broken at entry 1: entry 1 was changed.\n",
    )


def test_status_shows_health_with_release_and_incidents(shell: Shell) -> None:
    assert "There is no application; point an OTLP exporter at the API" in shell.run("status")
    release_approved(shell, "v1")
    shell.run("rollout start --application a --release v1")
    release_approved(shell, "v2")
    shell.run("rollout start --application a --release v2 --canary 5")
    (health,) = shell.json("status")["applications"]
    assert (health["state"], health["stable"], health["canary"]) == ("no traffic", "v1", "v2")
    shell.run("rollback --application a --reason", "wrong answers")
    (health,) = shell.json("status --application a")["applications"]
    assert (health["state"], health["open_incidents"], health["canary"]) == ("incident", 1, None)
    assert "incident" in shell.run("status")
