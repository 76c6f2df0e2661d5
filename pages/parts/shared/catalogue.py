"""Every screen: its file, title, icon, section and description."""

from __future__ import annotations

from dataclasses import dataclass

from pages.parts.shared import keys

# Each set of filters adds one to the set before it.
_APPLICATION = (keys.APPLICATION,)
_ENVIRONMENT = (*_APPLICATION, keys.ENVIRONMENT)
_RELEASE = (*_ENVIRONMENT, keys.RELEASE)
_MODEL = (*_RELEASE, keys.MODEL)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One screen in the navigation."""

    name: str
    title: str
    icon: str
    section: str
    description: str
    filters: tuple[str, ...] = ()
    """Its filters, of application, environment, release and model."""
    window: str | None = None
    """The time window unless the URL names another; None for a screen without one."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """The URL parameters of its filters and its window."""
        return self.filters if self.window is None else (*self.filters, keys.WINDOW, keys.START, keys.END)

    @property
    def path(self) -> str:
        """The file, as `st.page_link` and `st.switch_page` take it."""
        return f"pages/{self.name}.py"


def _entry(
    name: str,
    title: str,
    icon: str,
    section: str,
    description: str,
    *,
    filters: tuple[str, ...] = (),
    window: str | None = None,
) -> Entry:
    return Entry(
        name=name,
        title=title,
        icon=f":material/{icon}:",
        section=section,
        description=description,
        filters=filters,
        window=window,
    )


ENTRIES = (
    _entry(
        "overview",
        "Overview",
        "space_dashboard",
        "",
        "Service health, traffic split and trends",
        filters=_ENVIRONMENT,
        window="24h",
    ),
    _entry(
        "quality",
        "Quality",
        "verified",
        "Measure",
        "Quality scores of production answers, with confidence intervals",
        filters=_RELEASE,
        window="24h",
    ),
    _entry(
        "cost",
        "Cost",
        "payments",
        "Measure",
        "Cost by model, application and release",
        filters=_MODEL,
        window="24h",
    ),
    _entry(
        "latency", "Latency", "speed", "Measure", "Request and model latency", filters=_MODEL, window="24h"
    ),
    _entry(
        "traces",
        "Traces",
        "timeline",
        "Measure",
        "Requests, each with its spans, messages and diagnosis",
        filters=_MODEL,
        window="24h",
    ),
    _entry(
        "sessions",
        "Sessions",
        "forum",
        "Measure",
        "Conversations turn by turn, with their cost",
        filters=_RELEASE,
        window="24h",
    ),
    _entry(
        "users",
        "Users",
        "group",
        "Measure",
        "Users with their requests, errors and cost",
        filters=_RELEASE,
        window="7d",
    ),
    _entry(
        "service_map",
        "Service map",
        "account_tree",
        "Measure",
        "Components, the calls between them, latency, errors and cost",
        filters=_RELEASE,
        window="24h",
    ),
    _entry("datasets", "Datasets", "dataset", "Evaluate", "Test cases in versioned datasets"),
    _entry(
        "evaluations",
        "Evaluations",
        "science",
        "Evaluate",
        "Evaluations of releases against gates",
        filters=_APPLICATION,
    ),
    _entry("metrics", "Metrics", "rule", "Evaluate", "Metrics and rubrics, and what each costs"),
    _entry(
        "reviews",
        "Reviews",
        "rate_review",
        "Evaluate",
        "Human reviews of production answers",
        filters=_APPLICATION,
        window="7d",
    ),
    _entry(
        "releases",
        "Releases",
        "deployed_code",
        "Release",
        "Releases and their approval",
        filters=_APPLICATION,
    ),
    _entry(
        "prompts",
        "Prompts",
        "edit_note",
        "Release",
        "Prompt versions and their differences",
        filters=_APPLICATION,
    ),
    _entry("rollouts", "Rollouts", "alt_route", "Release", "Traffic split and canary health", window="1h"),
    _entry(
        "incidents",
        "Incidents",
        "emergency",
        "Release",
        "Open and resolved incidents, and rollbacks",
        filters=_APPLICATION,
    ),
    _entry(
        "audit",
        "Audit",
        "receipt_long",
        "Govern",
        "Every change, in a tamper-evident record",
        filters=_APPLICATION,
    ),
    _entry("settings", "Settings", "tune", "Govern", "Configuration and status of this console"),
)

BY_NAME = {entry.name: entry for entry in ENTRIES}


def sections() -> dict[str, list[Entry]]:
    """Screens by section, in the order of the navigation."""
    grouped: dict[str, list[Entry]] = {}
    for entry in ENTRIES:
        grouped.setdefault(entry.section, []).append(entry)
    return grouped
