"""Addresses that judges, targets and webhooks may reach, worked by hand."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genaiops_core.access.host_patterns import Host
from genaiops_core.access.outbound import OutboundRule, is_refused, parse_outbound_rule
from genaiops_core.errors import Misconfigured

HOST = Host("my.app", 443)


@pytest.mark.parametrize(
    ("address", "first", "redirected"),
    [
        ("93.184.216.34", True, True),
        ("2606:2800:220:1:248:1893:25c8:1946", True, True),
        ("127.0.0.1", True, False),
        ("127.9.9.9", True, False),
        ("::1", True, False),
        ("::ffff:127.0.0.1", True, False),
        ("10.0.0.1", False, False),
        ("172.31.255.255", False, False),
        ("192.168.0.1", False, False),
        ("100.64.0.1", False, False),
        ("198.18.0.1", False, False),
        ("240.0.0.1", False, False),
        ("fd00::1", False, False),
        ("::ffff:10.0.0.1", False, False),
        ("64:ff9b::a00:1", False, False),
        ("2002:a00:1::", False, False),
        ("169.254.169.254", False, False),
        ("169.254.0.1", False, False),
        ("fe80::1%eth0", False, False),
        ("0.0.0.0", False, False),
        ("::", False, False),
        ("224.0.0.1", False, False),
    ],
)
def test_addresses_by_kind(address: str, first: bool, redirected: bool) -> None:
    rule = OutboundRule()
    assert (rule.find_refusal(address, HOST, is_redirected=False) == "") is first
    assert (rule.find_refusal(address, HOST, is_redirected=True) == "") is redirected


@pytest.mark.parametrize(
    "setting", ["my.app", "my.app:443", "*.app", "10.0.0.0/8", "10.1.2.3", "x, 10.1.0.0/16"]
)
def test_operator_allows_private_addresses(setting: str) -> None:
    rule = parse_outbound_rule(setting)
    assert rule.find_refusal("10.1.2.3", HOST, is_redirected=True) == ""
    assert rule.find_refusal("169.254.169.254", HOST, is_redirected=False) != ""
    assert rule.find_refusal("192.168.1.1", Host("other.example", 80), is_redirected=False) != ""


def test_hosts_of_another_setting_count() -> None:
    rule = parse_outbound_rule("", ("my.app",))
    assert rule.find_refusal("10.1.2.3", HOST, is_redirected=False) == ""


@pytest.mark.parametrize("setting", ["10.0.0.1/8", "http://my.app", "my.app:x", "10.0.0.0/33"])
def test_invalid_entry_is_named(setting: str) -> None:
    with pytest.raises(Misconfigured, match=r"GENAIOPS_PRIVATE_HOSTS: '.*' is neither a host nor a network"):
        parse_outbound_rule(setting)


@given(st.ip_addresses())
def test_no_rule_allows_what_is_always_refused(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    text = str(address)
    everything = parse_outbound_rule("0.0.0.0/0, ::/0, my.app")
    assert (everything.find_refusal(text, HOST, is_redirected=True) != "") is is_refused(text)
    if not address.is_global and not address.is_loopback:
        assert OutboundRule().find_refusal(text, HOST, is_redirected=False) or address.is_multicast
