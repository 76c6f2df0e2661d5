"""What nobody asked for: a database that does not answer, a folder that may not be written, a fault of the program."""

from __future__ import annotations

import traceback


def told(error: Exception) -> str:
    """One sentence on an error that no command expected; a fault of the program leaves its traceback on stderr first.

    Whatever it was, the exit code is 2: 1 would say that an evaluation failed its gates.
    """
    import sqlalchemy.exc

    if isinstance(error, sqlalchemy.exc.ArgumentError):
        return (
            "GENAIOPS_DATABASE_URL is no address of a database; write sqlite:///FILE or "
            "postgresql://USER:PASSWORD@HOST/DATABASE."
        )
    if isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.TimeoutError):
        said = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
        return f"The database cannot be used: {said.rstrip('.')}. Look at GENAIOPS_DATABASE_URL and GENAIOPS_HOME."
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename} cannot be used: {error.strerror}."
    traceback.print_exception(error)
    return "This is a fault of genaiops; please report it with the lines above."
