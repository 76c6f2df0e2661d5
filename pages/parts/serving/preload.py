"""Imported once a process: load the libraries of every screen, then freeze them for the garbage collector.

A full collection over these modules takes tens of milliseconds under the interpreter lock, and every run of every
session would pay it. It does not visit frozen objects.
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
