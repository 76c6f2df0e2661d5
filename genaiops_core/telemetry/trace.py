"""One trace: its spans as a tree in time, what it cost, where the time went, and what went wrong."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson
import sqlalchemy as sa
import zstandard

from db.tables.telemetry import payload, span
from genaiops_core.telemetry.diagnosis import Diagnosis, Observation, diagnose
from genaiops_core.telemetry.figures import usd
from genaiops_core.telemetry.tree import Place, arrange, own_time_ns
