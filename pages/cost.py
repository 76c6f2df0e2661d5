"""Cost by model, application, release and day, and model calls without a price."""

import dataclasses

import streamlit as st

from pages.parts.charts import measures, plots, thresholds
from pages.parts.reads import rollouts, traffic
from pages.parts.shared import filters, frame, units
from pages.parts.traffic import cost_view

screen = frame.guard("cost")
head = filters.draw_header(screen)
window, url = head.filters, screen.url
total = traffic.summarise(url, window)
before = traffic.summarise(url, window.previous())
days = (window.end - window.start).total_seconds() / 86_400


def draw_cards() -> None:
    """Draw total cost, cost per day, cost per request and tokens."""
    points = traffic.read_series(url, window)
    # Without any price the sum is 0, which would look like traffic at no cost.
    known = total.cost_nano_usd if total.cost_usd is not None else None
    per_request, per_request_before = total.cost_per_request_nano_usd, before.cost_per_request_nano_usd
    tokens, tokens_before = (
        total.input_tokens + total.output_tokens,
        before.input_tokens + before.output_tokens,
    )
    with st.grid(4, min_column_width=200, gap="small"):
        measures.draw_card(
            "Total cost",
            units.format_cost(known, total.unpriced_calls),
            units.format_relative_change(total.cost_nano_usd, before.cost_nano_usd),
            head.comparison,
            icon="payments",
            colour="inverse",
            trend=measures.fill_steps(window, points, cost_view.convert_to_usd, gap=0),
            help=f"Exactly {total.cost_usd} USD for {units.format_count(total.calls)} model calls"
            if total.cost_usd is not None
            else units.NO_DATA_HELP,
        )
        measures.draw_card(
            "Cost per day",
            units.format_cost(None if known is None else known / days, total.unpriced_calls),
            None,
            f"over {head.window}",
            icon="calendar_today",
            colour="primary",
            trend=measures.fill_steps(window, points, cost_view.convert_to_usd, gap=0),
        )
        measures.draw_card(
            "Cost per request",
            units.format_cost(per_request, total.unpriced_calls),
            units.format_relative_change(per_request, per_request_before),
            head.comparison,
            icon="receipt",
            colour="inverse",
            trend=[point.figures.cost_per_request_nano_usd for point in points],
        )
        measures.draw_card(
            "Tokens",
            units.format_count(tokens),
            units.format_relative_change(tokens, tokens_before),
            f"{units.format_count(total.input_tokens)} in, {units.format_count(total.output_tokens)} out",
            icon="token",
            colour="primary",
            trend=measures.fill_steps(window, points, lambda f: f.input_tokens + f.output_tokens, gap=0),
        )


def draw_over_time() -> None:
    """Draw cost over time, stacked by model: the bars add up to the total."""
    points = traffic.read_series(url, window, "model")
    st.subheader("Cost by model", icon=":material/stacked_bar_chart:", anchor=False)
    series = measures.build_lines(
        window,
        points,
        cost_view.convert_to_usd,
        gap=0,
        name=lambda key: key or "unknown model",
        order=measures.rank_by_cost(points),
    )
    plots.draw(
        plots.build_stacked_bars(series, unit="USD"), key="cost_models", alt="Cost in USD over time by model"
    )


def draw_per_request() -> None:
    """Draw the mean cost of a request and the threshold of the rollback policy where it watches this figure."""
    st.subheader("Cost per request", icon=":material/receipt:", anchor=False)
    # Most requests have no model of their own, so the filter on models would drop them.
    points = traffic.read_series(url, dataclasses.replace(window, model=None))
    rollout = thresholds.find_watched_rollout(window, rollouts.list_rollouts(url))
    limit = thresholds.build_limit(
        rollouts.get_policy(window.application), "cost_per_request", rollout, unit=" USD"
    )
    series = measures.build_lines(
        window,
        points,
        lambda f: None if f.cost_per_request_nano_usd is None else f.cost_per_request_nano_usd / 1e9,
        name=lambda _key: "selected releases",
    )
    plots.draw(
        plots.build_line_chart(
            series,
            unit="USD",
            limit=limit,
            height=260,
        ),
        key="cost_per_request",
        alt="Average cost of a request in USD over time",
    )


with head.facts:
    st.badge(units.format_quantity(total.calls, "model call"), icon=":material/neurology:", color="gray")
    if total.calls and not total.unpriced_calls:
        st.badge("every call has a price", icon=":material/check:", color="green")
if total.unpriced_calls:
    st.warning(
        f"**{total.unpriced_calls:,} of {total.calls:,} model calls have no price** and are not in these sums. Add a "
        "price for their models with `genaiops import prices`. It applies to new calls only.",
        icon=":material/money_off:",
    )
if not total.calls:
    frame.draw_empty_state(
        "No model call in this window",
        "A model call is a span with token usage. Widen the window or the filters, or send traces to the API.",
        icon="payments",
        to="traces",
    )
else:
    draw_cards()
    left_column, right_column = st.columns([5, 3])
    with left_column.container(border=True, height="stretch"):
        draw_over_time()
    with right_column.container(border=True, height="stretch"):
        draw_per_request()
    with st.container(border=True):
        frame.draw_tabs(
            {
                "By model": lambda: cost_view.draw_table(url, window, total, "model", "Model"),
                "By application": lambda: cost_view.draw_table(
                    url, window, total, "application", "Application"
                ),
                "By release": lambda: cost_view.draw_table(url, window, total, "release", "Release"),
                "By day": lambda: cost_view.draw_table(url, window, total, "day", "Day (UTC)"),
            },
            key="cost_tabs",
        )
