"""A cached read for those who choose a target: what calling a release would mean."""

from __future__ import annotations

from typing import Any

from genaiops_core.releases import as_target
from pages.parts.reads import SLOW_S, cached, snapshot


@cached(SLOW_S)
def release_target(url: str, application: str, release: str, prompt: str) -> dict[str, Any]:
    """The document of the target that calls a release."""
    with snapshot(url) as connection:
        return as_target.target_document(connection, application=application, release=release, prompt=prompt)
