"""The console's server: Home.py, which draws every screen once before the first connection is answered.

`genaiops ui` runs it. The port is open from the start: connections wait in its queue until the lifespan has begun.
"""

import streamlit as st
from starlette.middleware import Middleware

from genaiops_core.access.host_patterns import parse_patterns
from genaiops_core.api.host_guard import HostGuard
from genaiops_core.processes.parent import watch_supervisor
from genaiops_core.settings import Settings
from pages.parts.serving import static_gzip, warm_up

watch_supervisor()
allowed_hosts = parse_patterns(Settings().allowed_hosts, "GENAIOPS_ALLOWED_HOSTS")
app = st.App(
    "Home.py",
    lifespan=warm_up.lifespan,
    middleware=[
        Middleware(HostGuard, allowed_hosts=allowed_hosts),
        Middleware(static_gzip.StaticGzip),
    ],
)
