"""A bare console for `bench_page_switches`: one page without charts and one with three, and nothing else."""

import plotly.graph_objects as go
import streamlit as st

POINTS = 288
"""Per line: a day in steps of five minutes, as the charts of the console."""


def text() -> None:
    st.title("Text")
    st.markdown("A page without charts.")


def charts() -> None:
    st.title("Charts")
    for chart in range(3):
        figure = go.Figure()
        for line in range(2):
            figure.add_trace(
                go.Scatter(y=[(17 * at + 5 * line + chart) % 23 for at in range(POINTS)], name=f"line {line}")
            )
        figure.update_layout(height=260)
        st.plotly_chart(figure, key=f"chart_{chart}")


st.set_page_config(layout="wide")
navigation = st.navigation([st.Page(text, title="Text"), st.Page(charts, title="Charts")], position="hidden")
with st.sidebar:
    st.page_link(st.Page(text, title="Text"), label="Text")
    st.page_link(st.Page(charts, title="Charts"), label="Charts")
navigation.run()
