"""Session and user as the documentation of OpenInference sets them."""

from __future__ import annotations

from openinference.instrumentation import using_attributes
from support import USER, Scenario, name_session


def with_attributes(call: Scenario) -> Scenario:
    def run_scenario(scenario: str) -> None:
        with using_attributes(session_id=name_session(scenario), user_id=USER):
            call(scenario)

    return run_scenario
