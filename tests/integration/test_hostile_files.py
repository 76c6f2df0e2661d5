"""Files that would exhaust memory are refused with bounded memory.

They are read in a separate process, because the peak memory is measured per process.
"""

from __future__ import annotations

import json
import subprocess
import sys

from tests.waiting import LIMIT_S

SCRIPT = r"""
import io, json, resource, sys, zipfile
import openpyxl, pyarrow as pa, pyarrow.parquet as pq, python_calamine, charset_normalizer
from genaiops_core.errors import BadInput
from genaiops_core.evaluation.datasets import preview_import

SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TABLE = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><table:table>'
).encode()

def archive(name, member, head, piece, times):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("mimetype" if name.endswith(".ods") else "xl/workbook.xml", "<x/>")
        with z.open(member, "w", force_zip64=True) as m:
            m.write(head)
            for _ in range(times):
                m.write(piece)
    return stream.getvalue()

def parquet(values):
    stream = io.BytesIO()
    pq.write_table(pa.table({"question": values}), stream)
    return stream.getvalue()

def files():
    cells = b"<c><v>1</v></c>" * 10_000
    yield "bomb.xlsx", archive("bomb.xlsx", "xl/worksheets/sheet1.xml", SHEET, b"0" * 1_000_000, 300)
    yield "wide.xlsx", archive("wide.xlsx", "xl/worksheets/sheet1.xml", SHEET + b"<row>", cells, 100)
    yield "bomb.ods", archive("bomb.ods", "content.xml", TABLE, b" " * 1_000_000, 300)
    one = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array(["x" * 1_000_000]))
    yield "bomb.parquet", parquet(one)
    yield "nested.parquet", parquet(pa.array([["x" * 1_000_000]] * 1_000))
    yield "wide.csv", b",".join(b"c%d" % i for i in range(1_000_000)) + b"\n"
    yield "wide.json", b"[{" + b",".join(b'"c%d":1' % i for i in range(1_000_000)) + b"}]"
    yield "cell.csv", b'question,answer\n"' + b"so, " * 15_000_000 + b'",x\n'
    yield "deep.json", b"[" * 5_000_000
    yield "lists.json", b"[" + b"[]," * 20_000_000 + b"[]]"

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

preview_import(b"question\nWhy?\n", "warm.csv")
said = {}
for name, data in files():
    before = peak()
    try:
        said[name] = [f"{preview_import(data, name).accepted} accepted", 0]
    except BadInput as error:
        said[name] = [str(error), peak() - before]
    del data
print(json.dumps(said))
"""

SENTENCES = {
    "bomb.xlsx": "unpacks to 300 MB",
    "wide.xlsx": "more than 16,384 cells",
    "bomb.ods": "unpacks to 300 MB",
    "bomb.parquet": "unpacks to more than",
    "nested.parquet": "unpacks to more than",
    "wide.csv": "1,000,000 columns",
    "wide.json": "1,000,000 columns",
    "cell.csv": "a cell or a line of more than",
    "deep.json": "nested too deeply",
    "lists.json": "values",
}
MOST_GROWTH_MB = 300


def test_hostile_files_are_refused_in_bounded_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=LIMIT_S
    )
    results = json.loads(done.stdout)
    assert results.keys() == SENTENCES.keys()
    for name, (sentence, growth_mb) in results.items():
        assert SENTENCES[name] in sentence
        assert sentence.startswith(name)
        assert growth_mb < MOST_GROWTH_MB, name
