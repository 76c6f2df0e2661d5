"""Saved views: owners, sharing, and invalid views."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from db.transaction import reading
from genaiops_core.access import audit
from genaiops_core.errors import BadInput, NotAllowed, NotFound
from genaiops_core.telemetry.search import saved_views


def names(engine: sa.Engine, actor: str, screen: str | None = None) -> list[str]:
    with reading(engine) as connection:
        return [view.name for view in saved_views.list_views(connection, actor=actor, screen=screen)]


def test_view_is_private_unless_shared(engine: sa.Engine) -> None:
    saved_views.save(engine, actor="ann", name="Slow ones", screen="/traces", query="?q=latency%3E3s")
    saved_views.save(engine, actor="ann", name="costs", screen="cost", query="window=7d", is_shared=True)
    assert names(engine, "ann") == ["costs", "Slow ones"]
    assert names(engine, "ben") == ["costs"]
    assert names(engine, "ann", "traces") == ["Slow ones"]


def test_second_save_replaces_the_view_and_is_audited(engine: sa.Engine) -> None:
    first = saved_views.save(engine, actor="ann", name="mine", screen="traces", query="q=a")
    second = saved_views.save(
        engine, actor="ann", name="mine", screen="traces", query="q=b", reason="narrower"
    )
    assert (second.id, second.query) == (first.id, "q=b")
    with reading(engine) as connection:
        newest = audit.entries(connection, action="view")[0]
    assert (newest.action, newest.subject, newest.reason) == ("view.save", "traces/mine", "narrower")
    assert newest.before is not None
    assert newest.before["query"] == "q=a"


def test_only_the_owner_can_delete_a_view(engine: sa.Engine) -> None:
    view = saved_views.save(engine, actor="ann", name="mine", screen="traces", query="", is_shared=True)
    with pytest.raises(NotAllowed, match="ann"):
        saved_views.delete(engine, actor="ben", id=view.id)
    saved_views.delete(engine, actor="ann", id=view.id, reason="done")
    assert names(engine, "ann") == []
    with pytest.raises(NotFound):
        saved_views.delete(engine, actor="ann", id=view.id)
    assert audit.verify(engine).is_intact


@pytest.mark.parametrize(
    ("name", "screen", "query", "problem"),
    [
        (" ", "traces", "", "name"),
        ("x" * 121, "traces", "", "120"),
        ("x", "", "", "screen"),
        ("x", "traces", "q=status%3Asad", "ok, error, incomplete"),
        ("x", "traces", "q=" + "a" * 4000, "4000"),
    ],
)
def test_invalid_view_is_not_saved(
    sqlite_engine: sa.Engine, name: str, screen: str, query: str, problem: str
) -> None:
    with pytest.raises(BadInput, match=problem):
        saved_views.save(sqlite_engine, actor="ann", name=name, screen=screen, query=query)
    assert names(sqlite_engine, "ann") == []
