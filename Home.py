"""The router: theme, icon and navigation. Every screen checks for itself who is looking (`pages/parts/shared/frame.py`)."""

import streamlit as st

from pages.parts.serving import preload  # noqa: F401 (freezes what it imports)
from pages.parts.shared import address, catalogue, frame, menu


def open_overview() -> None:
    """The bare address leads to the first screen, so that every screen has exactly one address."""
    st.switch_page(catalogue.ENTRIES[0].path, query_params=st.query_params.to_dict())


frame.set_brand()
pages = {
    section: [
        st.Page(entry.path, title=entry.title, icon=entry.icon, help=entry.description) for entry in entries
    ]
    for section, entries in catalogue.sections().items()
}
pages[""].append(st.Page(open_overview, title="GenAIOps", default=True, visibility="hidden"))
navigation = st.navigation(pages, position="hidden")
address.follow(navigation.url_path)
menu.draw()
try:
    with frame.show_errors():
        frame.watch_database()
        navigation.run()
finally:
    address.release_bindings()
