"""Workbooks that are ZIP archives: refused before unpacking when they are made to exhaust memory."""

from __future__ import annotations

import io
import zipfile

from genaiops_core.errors import BadInput

MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_COMPRESSION_RATIO = 100
"""Text packs 5 to 20 times; a file that grows more than this in unpacking is made to exhaust memory."""

_SMALL_BYTES = 20 * 1024 * 1024


def list_safe_members(data: bytes, filename: str) -> frozenset[str]:
    """Names (lower case) of the members of an archive that may be unpacked.

    Raises:
        BadInput: it is no archive, or too large when unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise BadInput(
            f"{filename} is not a workbook (it is no ZIP archive); save it again as XLSX."
        ) from error
    # zipfile never unpacks more of a member than it declares, so the declared sizes are a true bound.
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED_BYTES or (
        unpacked > _SMALL_BYTES and unpacked > MAX_COMPRESSION_RATIO * len(data)
    ):
        raise BadInput(
            f"{filename} unpacks to {unpacked / 1e6:,.0f} MB; at most {MAX_UNPACKED_BYTES / 1e6:,.0f} MB, and "
            f"{MAX_COMPRESSION_RATIO} times its own size, are read. Save the sheet as CSV instead."
        )
    return frozenset(member.filename.lower() for member in members)
