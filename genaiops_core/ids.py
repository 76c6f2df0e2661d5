"""Identifiers that the application generates."""

from __future__ import annotations

import secrets
import time


def new_id() -> str:
    """A time-ordered UUID of version 7: 48 bits of milliseconds since 1970, then random bits."""
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    # RFC 9562: four bits of version, two bits of variant.
    value = (value & ~(0xF << 76)) | (7 << 76)
    value = (value & ~(0x3 << 62)) | (2 << 62)
    text = f"{value:032x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
