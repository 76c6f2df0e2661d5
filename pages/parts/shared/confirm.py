"""Dialogs that change data: inputs, a required reason, sometimes a typed confirmation; then one use case.

The work runs in the callback of the submit button. An expected error stays in the dialog, as its sentence; success
closes the dialog and shows its result in a toast.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import streamlit as st

from genaiops_core.errors import BadInput, GenAIOpsError
from pages.parts.shared import frame, keys, units


def open_dialog(
    name: str,
    *,
    title: str,
    icon: str,
    button: str,
    act: Callable[[str], str],
    fields: Callable[[], None] | None = None,
    sentence: str = "",
    needs_reason: bool = True,
    type_to_confirm: str | None = None,
    width: Literal["small", "medium", "large"] = "small",
) -> None:
    """Open a dialog.

    Args:
        name: prefix of the dialog's widget keys, unique on the page.
        title: the action.
        icon: Material icon of the dialog and its button.
        button: label of the submit button.
        act: gets the reason, runs the use case and returns the sentence for the toast.
        fields: draws further inputs, each with its own key; `act` reads them from the session state.
        sentence: the consequence; escape names in it with `units.escape_markdown`.
        needs_reason: whether the reason is required.
        type_to_confirm: the name that the user types to confirm.
        width: of the dialog, as `st.dialog` takes it.
    """

    @st.dialog(title, icon=icon, width=width)
    def body() -> None:
        # Without submission by Enter: a typed name must not act before the reason is complete.
        with st.form(keys.dialog_form(name), border=False, enter_to_submit=False):
            if sentence:
                st.markdown(sentence)
            if fields is not None:
                fields()
            if needs_reason:
                st.text_area(
                    "Reason", key=keys.dialog_reason(name), height=80, placeholder="Recorded in the audit log"
                )
            if type_to_confirm is not None:
                st.text_input(
                    f"Type {units.escape_markdown(type_to_confirm)} to confirm",
                    key=keys.dialog_typed(name),
                    placeholder=type_to_confirm,
                    autocomplete="off",
                )
            st.form_submit_button(
                button, type="primary", icon=icon, key=keys.dialog_submit(name), on_click=submit
            )
        # Removed when shown, so that the next dialog of this name starts without it.
        if message := st.session_state.pop(keys.dialog_problem(name), None):
            st.error(units.escape_markdown(message), icon=":material/error:")

    def submit() -> None:
        try:
            frame.flash(act(_read_reason(name, needs_reason=needs_reason, type_to_confirm=type_to_confirm)))
        except GenAIOpsError as error:
            st.session_state[keys.dialog_problem(name)] = str(error)
            return
        # Closes the dialog: the submit button alone reruns only the dialog, which would draw itself again.
        st.rerun()

    body()


def run_action(act: Callable[[], str]) -> None:
    """Run the use case of a button without a dialog, in its callback; `draw_problem` shows an expected error."""
    try:
        frame.flash(act())
    except GenAIOpsError as error:
        st.session_state[keys.PROBLEM] = str(error)


def require_reason(reason: object) -> str:
    """The reason without surrounding blanks.

    Raises:
        BadInput: the reason is empty.
    """
    text = str(reason or "").strip()
    if not text:
        raise BadInput("The reason is empty. Enter one: the audit log records it.")
    return text


def draw_problem() -> None:
    """Show the error of the last `run_action`."""
    if sentence := st.session_state.pop(keys.PROBLEM, None):
        st.error(units.escape_markdown(sentence), icon=":material/error:")


def _read_reason(name: str, *, needs_reason: bool, type_to_confirm: str | None) -> str:
    typed_reason = st.session_state.get(keys.dialog_reason(name))
    reason = require_reason(typed_reason) if needs_reason else str(typed_reason or "").strip()
    typed_name = str(st.session_state.get(keys.dialog_typed(name)) or "").strip()
    if type_to_confirm is not None and typed_name != type_to_confirm:
        raise BadInput(f"Nothing was changed. Type {type_to_confirm} exactly to confirm.")
    return reason
