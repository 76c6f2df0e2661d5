"""Every screen once: its file, title, icon, section and the operator's question it answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One screen as the navigation shows it."""

    name: str
    title: str
    icon: str
    section: str
    description: str

    @property
    def path(self) -> str:
        """The file, as `st.page_link` and `st.switch_page` want it."""
        return f"pages/{self.name}.py"


def _entry(name: str, title: str, icon: str, section: str, question: str) -> Entry:
    return Entry(name=name, title=title, icon=f":material/{icon}:", section=section, description=question)


ENTRIES = (
    _entry("overview", "Overview", "space_dashboard", "", "Is everything healthy, and what moves right now?"),
    _entry("quality", "Quality", "verified", "Measure", "How good are the answers, and how sure are we?"),
    _entry("cost", "Cost", "payments", "Measure", "What does it cost, and who spends it?"),
    _entry("latency", "Latency", "speed", "Measure", "How long do people wait, and for which model?"),
    _entry("traces", "Traces", "timeline", "Measure", "What happened in one request, step by step?"),
    _entry("sessions", "Sessions", "forum", "Measure", "How did a conversation go, and what did it cost?"),
    _entry("users", "Users", "group", "Measure", "Who uses this, and what do they spend?"),
    _entry("service_map", "Service map", "account_tree", "Measure", "Which part is slow, failing or dear?"),
    _entry("datasets", "Datasets", "dataset", "Evaluate", "Which test cases do we have?"),
    _entry("evaluations", "Evaluations", "science", "Evaluate", "Is a release good enough?"),
    _entry("metrics", "Metrics", "rule", "Evaluate", "What can be measured, how, and at what price?"),
    _entry("reviews", "Reviews", "rate_review", "Evaluate", "What do people think of real answers?"),
    _entry("releases", "Releases", "deployed_code", "Release", "What exists, and what waits for approval?"),
    _entry("prompts", "Prompts", "edit_note", "Release", "Which prompt texts are there, and what changed?"),
    _entry(
        "rollouts", "Rollouts", "alt_route", "Release", "Who gets which release, and how does the canary do?"
    ),
    _entry("incidents", "Incidents", "emergency", "Release", "What went wrong, and is it over?"),
    _entry("audit", "Audit", "receipt_long", "Govern", "Who did what, and can we prove it?"),
    _entry("settings", "Settings", "tune", "Govern", "How is this console set up, and is it running?"),
)

BY_NAME = {entry.name: entry for entry in ENTRIES}


def sections() -> dict[str, list[Entry]]:
    """Screens by section, in the order of the navigation."""
    grouped: dict[str, list[Entry]] = {}
    for entry in ENTRIES:
        grouped.setdefault(entry.section, []).append(entry)
    return grouped
