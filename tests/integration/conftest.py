"""Databases for the screens. Streamlit is imported only by the fixtures, because most tests do without it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.engine import make_engine
from db.migrate import upgrade
from genaiops_core.clock import now
from genaiops_core.demo.writer import write_demo


@pytest.fixture
def router(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server knows after its first visit that Home.py is the router; AppTest forgets it before every run."""
    from streamlit.runtime.pages_manager import PagesManager

    original_init = PagesManager.__init__

    def init_with_router(self: PagesManager, *args: object, **kwargs: object) -> None:
        original_init(self, *args, **kwargs)  # type: ignore[arg-type]
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", init_with_router)


@pytest.fixture(scope="module")
def demo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the demo, written once a module."""
    file = tmp_path_factory.mktemp("demo") / "genaiops.db"
    engine = make_engine(f"sqlite:///{file}")
    upgrade(engine)
    write_demo(engine, now())
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return file


@pytest.fixture
def demo_engine(
    router: None, demo_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[sa.Engine]:
    """The demo in a database of this test's own; the screens read it."""
    copy = tmp_path / "copy.db"
    shutil.copy(demo_file, copy)
    with _console_of(f"sqlite:///{copy}", monkeypatch) as engine:
        yield engine


@pytest.fixture
def empty_engine(router: None, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    """An empty database of each kind; the screens read it."""
    with _console_of(database_url, monkeypatch) as engine:
        yield engine


@pytest.fixture
def corrupt_database(router: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The screens read a file that is no database."""
    file = tmp_path / "not-a-database.db"
    file.write_bytes(b"this is no database" * 100)
    with _console_of(f"sqlite:///{file}", monkeypatch):
        yield


@contextmanager
def _console_of(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[sa.Engine]:
    import streamlit as st

    monkeypatch.setenv("GENAIOPS_DATABASE_URL", url)
    monkeypatch.setenv("GENAIOPS_ACTOR", "grace")
    # Caches outlive one AppTest.
    st.cache_data.clear()
    st.cache_resource.clear()
    engine = make_engine(url)
    yield engine
    engine.dispose()
    st.cache_data.clear()
    st.cache_resource.clear()
