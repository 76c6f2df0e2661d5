"""The console's server: Home.py, which draws every screen once before the first connection is answered.

`genaiops ui` runs it. The port is open from the start: connections wait in its queue until the lifespan has begun.
"""

import streamlit as st

from pages.parts.shared import warm_up

app = st.App("Home.py", lifespan=warm_up.lifespan)
