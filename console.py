"""The console's server: Home.py, which draws every screen once before the first connection is answered.

`genaiops ui` runs it. The port is open from the start: connections wait in its queue until the lifespan has begun.
"""

import streamlit as st
from starlette.middleware import Middleware

from pages.parts.shared import static_gzip, warm_up

app = st.App("Home.py", lifespan=warm_up.lifespan, middleware=[Middleware(static_gzip.StaticGzip)])
