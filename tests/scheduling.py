"""Which tests `pytest -n` runs in one process, in their order."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

DATABASES = ("sqlite", "postgresql")


class ConsoleScheduling(LoadScopeScheduling):
    """The tests of a file, and all acceptance tests of one database: they share a console, which then starts once."""

    def _split_scope(self, nodeid: str) -> str:
        file, _, test = nodeid.partition("::")
        parameters = test.partition("[")[2]
        if file.startswith("tests/acceptance/"):
            for database in DATABASES:
                if parameters.startswith(database):
                    return f"console on {database}"
        return file
