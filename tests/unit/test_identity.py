"""Addresses that the servers may listen on, and valid names of actors."""

from __future__ import annotations

import pytest

from genaiops_core.access.identity import actor_name, is_loopback, require_safe_address
from genaiops_core.errors import BadInput, Misconfigured


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.0.1"])
def test_this_machine_is_safe(host: str) -> None:
    assert is_loopback(host)
    require_safe_address(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "console.example.com", ""])
def test_elsewhere_is_refused_while_nobody_logs_in(host: str) -> None:
    with pytest.raises(Misconfigured, match="no authentication"):
        require_safe_address(host)


def test_names_are_stripped_and_checked() -> None:
    assert actor_name("  Ada ") == "Ada"
    for bad in ("", "   ", "a\nb", "x" * 201):
        with pytest.raises(BadInput):
            actor_name(bad)
