"""Unexpected errors of a command: an unusable database, a folder without write access, a bug in the program."""

from __future__ import annotations

import traceback


def explain_error(error: Exception) -> str:
    """Explain an unexpected error in a sentence; print the traceback of a bug on stderr first.

    The exit code is always 2, because 1 means that an evaluation failed its gates.
    """
    import sqlalchemy.exc

    from db.engine import UnsupportedDatabase
    from db.migrate import UnknownSchema
    from db.outage import find_outage

    if isinstance(error, UnsupportedDatabase | UnknownSchema):
        return str(error)
    if isinstance(error, sqlalchemy.exc.ArgumentError):
        return (
            "GENAIOPS_DATABASE_URL is not a valid database URL; write sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/DATABASE."
        )
    is_database_error = isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.TimeoutError)
    if is_database_error or find_outage(error) is not None:
        message = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        return f"The database cannot be used: {message.rstrip('.')}. Check GENAIOPS_DATABASE_URL and GENAIOPS_HOME."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}."
    traceback.print_exception(error)
    return "This is a bug in genaiops; please report it with the lines above."
