"""The audit chain: whole while nobody touches it, and it says where it was touched."""

import itertools
import threading
from typing import Any

import orjson
import pytest
import sqlalchemy as sa

from db.tables.access import audit_chain, audit_entry
from db.transaction import reading, writing
from genaiops_core.access import audit
from genaiops_core.errors import BadInput


def write(engine: sa.Engine, count: int = 5) -> None:
    for number in range(count):
        with writing(engine) as connection:
            audit.record(
                connection,
                actor="ada",
                action="release.create",
                application="a",
                subject=f"a/v{number}",
                reason="ünï – code",
                before=None if number == 0 else {"share": 0.1 * number},
                after={"zeta": 1, "alpha": [1, None, "x"]},
            )


def tamper(engine: sa.Engine, statement: Any) -> None:
    with engine.begin() as connection:
        connection.execute(statement)


def test_an_empty_log_is_whole(engine: sa.Engine) -> None:
    report = audit.verify(engine)
    assert (report.is_intact, report.entries) == (True, 0)


def test_an_untouched_log_is_whole(engine: sa.Engine) -> None:
    write(engine)
    report = audit.verify(engine)
    assert (report.is_intact, report.entries, report.problem) == (True, 5, "")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "eve"),
        ("action", "release.approve"),
        ("application", "b"),
        ("subject", "a/v9"),
        ("reason", ""),
        ("before", None),
        ("after", '{"zeta":2}'),
        ("previous_hash", "0" * 64),
        ("hash", "f" * 64),
        ("at", sa.text("at")),
    ],
)
def test_a_changed_entry_is_found(engine: sa.Engine, column: str, value: Any) -> None:
    write(engine)
    if column == "at":
        with reading(engine) as connection:
            value = connection.execute(
                sa.select(audit_entry.c.at).where(audit_entry.c.sequence == 1)
            ).scalar_one()
    tamper(engine, sa.update(audit_entry).where(audit_entry.c.sequence == 3).values({column: value}))
    report = audit.verify(engine)
    assert (report.is_intact, report.broken_at, report.problem) == (False, 3, "entry 3 was changed")


def test_a_removed_entry_is_found(engine: sa.Engine) -> None:
    write(engine)
    tamper(engine, sa.delete(audit_entry).where(audit_entry.c.sequence == 2))
    assert audit.verify(engine).problem == "entry 2 is missing"


def test_a_cut_tail_is_found(engine: sa.Engine) -> None:
    write(engine)
    tamper(engine, sa.delete(audit_entry).where(audit_entry.c.sequence > 3))
    report = audit.verify(engine)
    assert (report.broken_at, report.problem) == (4, "entries after 3 are missing")


def test_a_log_without_its_end_is_not_whole(engine: sa.Engine) -> None:
    write(engine)
    tamper(engine, sa.delete(audit_chain))
    assert not audit.verify(engine).is_intact


def test_an_entry_added_behind_the_back_is_found(engine: sa.Engine) -> None:
    write(engine)
    with reading(engine) as connection:
        last = dict(
            connection.execute(sa.select(audit_entry).where(audit_entry.c.sequence == 5)).one()._mapping
        )
    tamper(engine, sa.insert(audit_entry).values({**last, "sequence": 6}))
    assert audit.verify(engine).broken_at == 6


def test_a_rolled_back_mutation_leaves_no_entry(engine: sa.Engine) -> None:
    write(engine, 1)
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        audit.record(connection, actor="ada", action="release.create", subject="a/v1")
        raise ZeroDivisionError
    write(engine, 1)
    assert (audit.verify(engine).entries, audit.verify(engine).is_intact) == (2, True)


def test_writers_at_once_make_one_chain(engine: sa.Engine) -> None:
    threads = [threading.Thread(target=write, args=(engine, 5)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = audit.verify(engine)
    assert (report.entries, report.is_intact) == (20, True)


def test_nobody_cannot_act(engine: sa.Engine) -> None:
    with pytest.raises(BadInput, match="actor"), writing(engine) as connection:
        audit.record(connection, actor=" ", action="release.create", subject="a/v1")


def test_entries_are_filtered_and_paged(engine: sa.Engine) -> None:
    write(engine)
    with reading(engine) as connection:
        assert [entry.sequence for entry in audit.entries(connection, limit=2)] == [5, 4]
        assert [entry.sequence for entry in audit.entries(connection, before_sequence=3)] == [2, 1]
        assert audit.entries(connection, action="rollout") == []
        assert len(audit.entries(connection, application="a", actor="ada", action="release")) == 5
        assert audit.entries(connection, action="rel%") == []


def test_an_export_holds_what_a_check_elsewhere_needs(engine: sa.Engine) -> None:
    write(engine)
    with reading(engine) as connection:
        lines = [orjson.loads(orjson.dumps(entry)) for entry in audit.export(connection)]
    assert [line["sequence"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[0]["previous_hash"] == audit.GENESIS
    assert all(later["previous_hash"] == line["hash"] for line, later in itertools.pairwise(lines))
    assert lines[1]["before"] == {"share": 0.1}
