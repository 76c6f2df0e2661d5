"""Runs screens in process and reads their texts; the databases behind them are fixtures of `conftest.py`."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from pages.parts.shared import keys
from tests.waiting import LIMIT_S

ROOT = Path(__file__).resolve().parents[2]
CSV = b"question,answer,expected\nWhat is 2+2?,Four,4\nCapital of France?,Paris,Paris\n,nothing asked,x\n"


def open_screen(name: str, **query: str) -> AppTest:
    """Visit a screen through the router."""
    screen = AppTest.from_file(str(ROOT / "Home.py"), default_timeout=LIMIT_S)
    screen.query_params.update(query)
    screen.run()
    screen.switch_page(f"pages/{name}.py").run()
    return check(screen)


def check(screen: AppTest) -> AppTest:
    """Fail with the messages of the exceptions that the last run raised."""
    assert not screen.exception, [element.value for element in screen.exception]
    return screen


def read_texts(screen: AppTest) -> str:
    """Every text on the screen, without the escapes that keep it from being markup."""
    elements = [
        *screen.markdown,
        *screen.caption,
        *screen.error,
        *screen.warning,
        *screen.text,
        *screen.subheader,
    ]
    return "\n".join(str(element.value) for element in elements).replace("\\", "")


def submit_dialog(screen: AppTest, dialog: str) -> AppTest:
    """Press the button of a dialog that acts."""
    return check(screen.button(key=keys.dialog_submit(dialog)).click().run())
