"""Promptfoo: test suites as CSV and JSON, and the results of an evaluation as JSON and CSV.

`__expected` and `assert` are assertions, not reference answers. In results the variables are the input, the response is
the answer, and the prompt is the rendered template around the input.
"""

from __future__ import annotations

import re

from genaiops_core.evaluation.readers.columns import find_column_field
from genaiops_core.evaluation.readers.conversations import decode_cell
from genaiops_core.evaluation.readers.peers.tables import hint_columns, index_columns, map_cells
from genaiops_core.evaluation.readers.tables import Table

_OUTPUT_HEADING = re.compile(r"\[[^\]]+\] .*", re.DOTALL)
_VERDICT = re.compile(r"\[(?:PASS|FAIL|ERROR)\]\s*(?:\(\d+(?:\.\d+)?\)\s*)?")


def arrange(table: Table) -> Table:
    """Hint what the columns mean."""
    columns = index_columns(table)
    if {"vars", "prompt", "response"} <= columns.keys():
        return _arrange_results(table, columns)
    special = {column: "" for column in table.columns if column.startswith("__")}
    if any(
        column.startswith(("__expected", "__description", "__metadata", "__metric")) for column in special
    ):
        return hint_columns(table, special)
    if "vars" in columns and {"assert", "provideroutput", "options"} & columns.keys():
        outputs = {columns["provideroutput"]: "answer"} if "provideroutput" in columns else {}
        return hint_columns(table, outputs)
    return _arrange_result_table(table)


def _arrange_results(table: Table, columns: dict[str, str]) -> Table:
    hints = {columns["response"]: "answer", columns["vars"]: "input", columns["prompt"]: ""}
    position = table.columns.index(columns["vars"])
    variables = [decode_cell(row.cells[position]) for row in table.rows[:1]]
    names = list(variables[0]) if variables and isinstance(variables[0], dict) else []
    if not any(find_column_field(str(name)) == "input" for name in names):
        # The variables name no question, so the question is the prompt that was sent.
        hints |= {columns["vars"]: "", f"{columns['prompt']}.raw": "input"}
    return hint_columns(table, hints)


def _arrange_result_table(table: Table) -> Table:
    """Hint the column of a provider's outputs in the CSV of results, and remove the verdict before each output."""
    outputs = [
        column
        for position, column in enumerate(table.columns)
        if _OUTPUT_HEADING.fullmatch(column)
        and any(_VERDICT.match(str(row.cells[position] or "")) for row in table.rows[:50])
    ]
    if not outputs:
        return table
    table = map_cells(
        table,
        outputs,
        lambda cell: _VERDICT.sub("", cell, count=1) or None if isinstance(cell, str) else cell,
    )
    return hint_columns(table, {outputs[0]: "answer"})
