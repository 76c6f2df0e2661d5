"""Every screen: its file, title, icon, section and description."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One screen in the navigation."""

    name: str
    title: str
    icon: str
    section: str
    description: str

    @property
    def path(self) -> str:
        """The file, as `st.page_link` and `st.switch_page` take it."""
        return f"pages/{self.name}.py"


def _entry(name: str, title: str, icon: str, section: str, description: str) -> Entry:
    return Entry(name=name, title=title, icon=f":material/{icon}:", section=section, description=description)


ENTRIES = (
    _entry("overview", "Overview", "space_dashboard", "", "Service health, traffic split and trends"),
    _entry(
        "quality",
        "Quality",
        "verified",
        "Measure",
        "Quality scores of production answers, with confidence intervals",
    ),
    _entry("cost", "Cost", "payments", "Measure", "Cost by model, application and release"),
    _entry("latency", "Latency", "speed", "Measure", "Request and model latency"),
    _entry(
        "traces", "Traces", "timeline", "Measure", "Requests, each with its spans, messages and diagnosis"
    ),
    _entry("sessions", "Sessions", "forum", "Measure", "Conversations turn by turn, with their cost"),
    _entry("users", "Users", "group", "Measure", "Users with their requests, errors and cost"),
    _entry(
        "service_map",
        "Service map",
        "account_tree",
        "Measure",
        "Components, the calls between them, latency, errors and cost",
    ),
    _entry("datasets", "Datasets", "dataset", "Evaluate", "Test cases in versioned datasets"),
    _entry("evaluations", "Evaluations", "science", "Evaluate", "Evaluations of releases against gates"),
    _entry("metrics", "Metrics", "rule", "Evaluate", "Metrics and rubrics, and what each costs"),
    _entry("reviews", "Reviews", "rate_review", "Evaluate", "Human reviews of production answers"),
    _entry("releases", "Releases", "deployed_code", "Release", "Releases and their approval"),
    _entry("prompts", "Prompts", "edit_note", "Release", "Prompt versions and their differences"),
    _entry("rollouts", "Rollouts", "alt_route", "Release", "Traffic split and canary health"),
    _entry("incidents", "Incidents", "emergency", "Release", "Open and resolved incidents, and rollbacks"),
    _entry("audit", "Audit", "receipt_long", "Govern", "Every change, in a tamper-evident record"),
    _entry("settings", "Settings", "tune", "Govern", "Configuration and status of this console"),
)

BY_NAME = {entry.name: entry for entry in ENTRIES}


def sections() -> dict[str, list[Entry]]:
    """Screens by section, in the order of the navigation."""
    grouped: dict[str, list[Entry]] = {}
    for entry in ENTRIES:
        grouped.setdefault(entry.section, []).append(entry)
    return grouped
