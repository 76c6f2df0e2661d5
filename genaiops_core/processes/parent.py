"""The end of a process when its parent is gone, also when the parent was killed.

A supervised process has the reading end of a pipe as its standard input. Only the supervisor has the writing end, so that the
operating system closes the pipe when the supervisor ends for whatever reason. Nothing is ever written to it.
"""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Mapping

ROLE_VARIABLE = "_GENAIOPS_PROCESS"
"""Environment variable with the name of a supervised process. No setting, hence the underscore."""
STOP_S = 8.0
"""Time to stop in order, for example to acknowledge open requests."""


def watch_supervisor(environment: Mapping[str, str] = os.environ) -> None:
    """Stop this process when its supervisor ends; without a supervisor, do nothing."""
    if ROLE_VARIABLE not in environment or not _is_pipe(0):
        return
    # A copy, because libraries may close standard input.
    pipe = os.dup(0)
    _watch(lambda: os.read(pipe, 1), environment[ROLE_VARIABLE])


def watch_parent_process(name: str) -> None:
    """Stop this process, which `multiprocessing` started, when its parent ends."""
    # A local import: commands that have no parent to watch do without it.
    from multiprocessing import connection, parent_process

    parent = parent_process()
    if parent is not None:
        _watch(lambda: connection.wait([parent.sentinel]), name)


def _watch(wait: Callable[[], object], name: str) -> None:
    def stop_after_parent() -> None:
        wait()
        # The reader of standard error may be gone too.
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{name} (process {os.getpid()}) stops, because its parent process ended.\n")
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(STOP_S)
        os._exit(1)

    threading.Thread(target=stop_after_parent, name="watch parent process", daemon=True).start()


def _is_pipe(descriptor: int) -> bool:
    try:
        return stat.S_ISFIFO(os.fstat(descriptor).st_mode)
    except OSError:
        return False
