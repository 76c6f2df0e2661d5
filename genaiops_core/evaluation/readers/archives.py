"""Checks of workbooks that are ZIP archives: a ZIP bomb is refused before it is unpacked."""

from __future__ import annotations

import io
import zipfile

from genaiops_core.errors import BadInput

MAX_UNPACKED_BYTES = 200 * 1024 * 1024
MAX_COMPRESSION_RATIO = 100
"""Text compresses 5 to 20 times; a file with a higher ratio than this is a ZIP bomb."""

# Below this size a high compression ratio is harmless.
_SMALL_BYTES = 20 * 1024 * 1024


def list_safe_members(data: bytes, filename: str) -> frozenset[str]:
    """List the member names (lower case) of an archive that is safe to unpack.

    Raises:
        BadInput: the file is not an archive, or is too large when unpacked.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise BadInput(f"{filename} is not a workbook (not a ZIP archive); save it again as XLSX.") from error
    # zipfile never unpacks more of a member than it declares, so the declared sizes are a true bound.
    unpacked = sum(member.file_size for member in members)
    if unpacked > MAX_UNPACKED_BYTES or (
        unpacked > _SMALL_BYTES and unpacked > MAX_COMPRESSION_RATIO * len(data)
    ):
        raise BadInput(
            f"{filename} unpacks to {unpacked / 1e6:,.0f} MB; the maximum is {MAX_UNPACKED_BYTES / 1e6:,.0f} MB and "
            f"{MAX_COMPRESSION_RATIO} times the file size. Save the sheet as CSV instead."
        )
    return frozenset(member.filename.lower() for member in members)
