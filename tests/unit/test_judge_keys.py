"""Where the key of judges comes from, and where it goes: nowhere it is not meant for, and into no listing."""

from __future__ import annotations

import pytest

from genaiops_core.errors import BadInput
from genaiops_core.evaluation.judges import _find_api_key, create_judge
from genaiops_core.evaluation.judges.names import KINDS
from genaiops_core.settings import Settings

LOCAL, OPENAI = "http://localhost:8000/v1", "https://api.openai.com/v1"


def test_setting_overrides_common_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("GENAIOPS_JUDGE_API_HOSTS", "localhost:8000")
    assert _find_api_key(LOCAL, Settings()) == ""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-common")
    assert _find_api_key(LOCAL, Settings()) == "sk-common"
    monkeypatch.setenv("GENAIOPS_JUDGE_API_KEY", "sk-judge")
    assert _find_api_key(LOCAL, Settings()) == "sk-judge"


def test_key_is_sent_to_listed_hosts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENAIOPS_JUDGE_API_KEY", "sk-judge")
    assert _find_api_key(OPENAI, Settings()) == "sk-judge"
    assert _find_api_key(LOCAL, Settings()) == ""
    monkeypatch.setenv("GENAIOPS_JUDGE_API_HOSTS", "API.openai.com, example.org")
    assert _find_api_key(OPENAI, Settings()) == "sk-judge"
    assert _find_api_key(LOCAL, Settings()) == ""
    assert _find_api_key("https://api.openai.com.evil.example/v1", Settings()) == ""


def test_key_is_masked_in_lists_and_passed_to_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GENAIOPS_JUDGE_API_KEY", "sk-judge")
    assert "sk-judge" not in str(Settings().describe())
    assert "sk-judge" not in repr(Settings())
    assert Settings().environment()["GENAIOPS_JUDGE_API_KEY"] == "sk-judge"


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.kind)
def test_every_kind_of_judge_is_built_without_network(kind: object) -> None:
    judge = create_judge(kind.example)  # type: ignore[attr-defined]
    assert judge.name == kind.example  # type: ignore[attr-defined]
    assert (judge.model is None) == (judge.name == "offline")
    assert set(judge.defaults) <= set(judge.metrics)
    with pytest.raises(BadInput):
        create_judge(f"{judge.name}@")
