"""Imported once a process: load what every screen needs, then take it out of the garbage collector's sight.

A full collection over these modules takes tens of milliseconds under the interpreter lock, and every run of every
session would pay it. Frozen objects are never walked again.
"""

from __future__ import annotations

import gc
import importlib
import pkgutil

import pandas  # noqa: F401
import plotly.graph_objects  # noqa: F401
import streamlit.elements.lib.column_types  # noqa: F401

import pages.parts

for module in pkgutil.walk_packages(pages.parts.__path__, "pages.parts."):
    importlib.import_module(module.name)
gc.collect()
gc.freeze()
