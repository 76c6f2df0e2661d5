"""Before the server answers: one session that visits every screen, so that no visitor waits for what is done once.

It finds the modules imported, the page files compiled, the database opened and the first statements prepared. The
session talks to the framework's runtime as its websocket does; that interface is not promised by the framework, so a
failure here is logged and the console is served cold. `tests/integration/test_readiness.py` notices it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from streamlit import runtime
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ClientState_pb2 import ClientState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from genaiops_core import logs
from genaiops_core.settings import Settings
from pages.parts.shared import catalogue

TIMEOUT_S = 120
"""A screen that takes longer, on a database that does not answer for example, must not keep the console away."""

_log = logging.getLogger("genaiops.ui")


@asynccontextmanager
async def lifespan(_app: st.App) -> AsyncIterator[None]:
    """Warm up, then serve."""
    logs.configure(Settings().log_level)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            await visit_every_screen()
    except Exception as error:
        _log.warning("The console starts cold, so the first visit is slow: %r", error)
    yield


async def visit_every_screen() -> list[str]:
    """Run every screen once in a session of its own; returns the names of those that raised an exception.

    What the session read is dropped: a visitor must not see the figures of before the demo was written.
    """
    server = runtime.get_instance()
    client = _Client()
    session_id = server.connect_session(client, user_info={"email": None})
    failed = []
    try:
        for name in ("", *(entry.name for entry in catalogue.ENTRIES)):
            client.begin()
            server.handle_backmsg(session_id, BackMsg(rerun_script=ClientState(page_name=name)))
            await client.finished.wait()
            if client.has_exception:
                failed.append(name)
    finally:
        server.close_session(session_id)
        st.cache_data.clear()
    return failed


class _Client(runtime.SessionClient):
    """Reads the messages of a session as a browser does."""

    def __init__(self) -> None:
        self.finished = asyncio.Event()
        self.has_exception = False

    def begin(self) -> None:
        """Forget the run before."""
        self.finished.clear()
        self.has_exception = False

    def write_forward_msg(self, msg: ForwardMsg) -> None:
        """Called in the event loop for every message of the session, in their order."""
        if msg.delta.new_element.HasField("exception"):
            self.has_exception = True
        if msg.WhichOneof("type") != "script_finished":
            return
        if msg.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
            self.has_exception = True
        # A redirect ends its run early; the run that it leads to ends later.
        if msg.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
            self.finished.set()
