"""Datasets: which test cases do we have, and how do new ones come in?"""

import streamlit as st

from genaiops_core.evaluation import datasets
from genaiops_core.evaluation.cases import FIELDS
from pages.parts import confirm, dataset_view, filters, frame, keys, reads, tables, units

here = frame.guard("datasets")
NONE = "(none)"


def draw_import() -> None:
    """Choose a file; what comes of it is shown before anything is stored."""
    st.subheader("Import", icon=":material/upload_file:", anchor=False)
    st.file_uploader(
        "File with test cases",
        type=["csv", "tsv", "json", "jsonl", "ndjson", "xlsx"],
        key=_file_key(),
        help="CSV, TSV, JSON, JSON lines or XLSX. Columns are recognised by their names and can be changed below.",
    )


def _file_key() -> str:
    return f"{keys.DATASET_FILE}_{len(st.session_state.get(keys.DATASET_IMPORTED, []))}"


def draw_preview() -> None:
    """Mapping, cases, problems, name; then import."""
    file = st.session_state.get(_file_key())
    if file is None:
        return
    with st.container(border=True), frame.gently():
        data = file.getvalue()
        guessed = reads.dataset_preview(data, file.name, ())
        mapping = choose_columns(guessed, file.file_id)
        preview = reads.dataset_preview(data, file.name, tuple(sorted(mapping.items())))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.badge(
                units.things(preview.accepted, "case"),
                icon=":material/check:",
                color="green" if preview.accepted else "gray",
            )
            if preview.rejected:
                st.badge(
                    f"{units.things(preview.rejected, 'row')} rejected", icon=":material/block:", color="red"
                )
            if preview.problems:
                st.badge(
                    units.things(len(preview.problems), "problem"), icon=":material/warning:", color="orange"
                )
        dataset_view.draw_cases(
            [(at + 1, case) for at, case in enumerate(preview.cases)], key="dataset_preview"
        )
        if preview.problems:
            dataset_view.draw_problems(preview.problems)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.text_input(
                "Name of the dataset",
                value=file.name.rsplit(".", 1)[0],
                key=f"{keys.DATASET_NAME}_{file.file_id}",
                width=320,
            )
            st.button(
                "Import dataset",
                icon=":material/upload:",
                type="primary",
                key=keys.DATASET_IMPORT,
                disabled=not preview.accepted,
                on_click=confirm.run,
                args=(lambda: import_file(data, file.name, mapping, f"{keys.DATASET_NAME}_{file.file_id}"),),
            )
        confirm.problem()


def choose_columns(guessed: datasets.Preview, file_id: str) -> dict[str, str]:
    """Field -> column, as recognised unless the operator says otherwise."""
    chosen = {}
    options = [NONE, *guessed.columns]
    for field, column in zip(FIELDS, st.columns(len(FIELDS)), strict=True):
        recognised = guessed.mapping.get(field, NONE)
        picked = column.selectbox(
            field.capitalize(),
            options,
            index=options.index(recognised) if recognised in options else 0,
            key=f"{keys.dataset_column(field)}_{file_id}",
            help="Needed: what is asked" if field == "input" else None,
        )
        chosen[field] = "" if picked in (None, NONE) else picked
    return chosen


def import_file(data: bytes, filename: str, mapping: dict[str, str], name_key: str) -> str:
    """Store the file as the next version of the dataset."""
    made = datasets.import_dataset(
        here.engine,
        actor=here.actor,
        name=str(st.session_state.get(name_key) or ""),
        data=data,
        filename=filename,
        mapping=mapping,
    )
    reads.changed("datasets")
    # The next file gets a fresh uploader, and the table opens on what was just imported.
    st.session_state[keys.DATASET_IMPORTED] = [*st.session_state.get(keys.DATASET_IMPORTED, []), made.dataset]
    if not made.is_new:
        return f"The same cases are there already: {made.dataset} version {made.version}."
    return f"Imported {made.cases} cases as {made.dataset} version {made.version}."


def draw_list(found: list[datasets.Dataset]) -> str | None:
    """Every dataset; returns the one that was picked."""
    st.subheader("Datasets", icon=":material/dataset:", anchor=False)
    if not found:
        st.caption(
            "None yet. Import a file with one test case a row: what is asked, and what of the rest is known."
        )
        return None
    column = tables.column
    imported = st.session_state.get(keys.DATASET_IMPORTED, [])
    default = next((at for at, one in enumerate(found) if imported and one.dataset == imported[-1]), 0)
    picked = tables.pick(
        [
            {
                "dataset": one.dataset,
                "version": one.version,
                "cases": one.cases,
                "source": one.source,
                "at": one.created_at,
                "demo": ["demo"] if one.is_demo else [],
            }
            for one in found
        ],
        {
            "dataset": column.TextColumn("Dataset", pinned=True),
            "version": column.NumberColumn("Version", width=70),
            "cases": column.NumberColumn("Cases", format="localized", width=80),
            "source": column.TextColumn("Source"),
            "at": column.DatetimeColumn("Imported", format="distance"),
            "demo": tables.states("", width=70),
        },
        key=f"{keys.DATASET_TABLE}_{len(imported)}",
        alt="Datasets with their newest version",
        height=210 if len(found) > 5 else "content",
        default=default,
    )
    return found[picked if picked is not None else default].dataset


head = filters.header(here, window=False)
found = reads.list_datasets(here.url)
with head.facts:
    st.badge(units.things(len(found), "dataset"), icon=":material/dataset:", color="gray")
    st.badge(units.things(sum(one.cases for one in found), "test case"), icon=":material/tag:", color="gray")
left, right = st.columns([3, 2])
with left.container(border=True, height="stretch"):
    picked = draw_list(found)
with right.container(border=True, height="stretch"):
    draw_import()
draw_preview()
if picked is not None:
    with st.container(border=True):
        dataset_view.draw_dataset(here.url, picked)
