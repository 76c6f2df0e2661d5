"""LangSmith datasets: `inputs` and `outputs` are objects, and the outputs are the reference answers.

In an export of runs or of an experiment the outputs are answers; such exports have columns of the run, or references beside.
"""

from __future__ import annotations

from genaiops_core.evaluation.readers.columns import find_column_field, normalise_name
from genaiops_core.evaluation.readers.peers.tables import has_objects, hint_columns, index_columns
from genaiops_core.evaluation.readers.tables import Table

_RUN_COLUMNS = frozenset(
    (
        *("runtype", "starttime", "endtime", "latency", "error", "totaltokens", "parentrunid", "dottedorder"),
        *("executiontime", "exampleid", "feedbackstats", "runid", "traceid", "sessionid", "scores", "score"),
    )
)


def arrange(table: Table) -> Table:
    """Hint that the outputs are references."""
    columns = index_columns(table)
    containers = {normalise_name(column.partition(".")[0]) for column in table.columns}
    if not {"inputs", "outputs"} <= containers or _RUN_COLUMNS & columns.keys():
        return table
    names = (column.partition(".")[0] for column in table.columns)
    if any(find_column_field(name) == "reference" for name in names):
        return table
    if "outputs" in columns:
        is_dataset = has_objects(table, columns["inputs"]) if "inputs" in columns else True
        return (
            hint_columns(table, {columns["outputs"]: "reference"})
            if is_dataset and has_objects(table, columns["outputs"])
            else table
        )
    return hint_columns(
        table,
        {
            column.partition(".")[0]: "reference"
            for column in table.columns
            if normalise_name(column.partition(".")[0]) == "outputs"
        },
    )
