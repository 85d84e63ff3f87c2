"""The example backend beside a running service, and a browser that looks at its page."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from tests.e2e.house import House, open_house
from tests.examples.browser import open_browser
from tests.stores import PostgresServer
from tests.waiting import wait_until

_APP = Path(__file__).parents[2] / "docs" / "examples" / "backend" / "app.py"


@dataclass(frozen=True, slots=True)
class Page:
    """The page as a visitor sees it."""

    house: House
    browser: Chrome
    url: str

    def ask(self, question: str) -> None:
        """Open the page, write the question, press the button."""
        self.browser.get(self.url)
        text = self.browser.find_element(By.ID, "text")
        text.clear()
        text.send_keys(question)
        self.press("ask")

    def press(self, button: str) -> None:
        """Click."""
        self.browser.find_element(By.ID, button).click()

    def shows(self, where: str) -> str:
        """The text of one element."""
        return str(self.browser.find_element(By.ID, where).text)

    def until(self, where: str, words: str, timeout: float = 30.0) -> None:
        """Return once the element shows `words`."""
        wait_until(lambda: words in self.shows(where), timeout)


@pytest.fixture
def page(postgres_server: PostgresServer, tmp_path: Path) -> Iterator[Page]:
    """A service with one worker, the backend, and a browser."""
    with open_house(postgres_server, tmp_path) as house, _backend(house) as url:
        house.change_agent(tools='["current_time"]')
        house.scheduler()
        house.worker()
        with open_browser(tmp_path / "profile") as browser:
            yield Page(house, browser, url)


@contextmanager
def _backend(house: House) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    backend = house.processes.script(_APP, EXAMPLE_PORT=port)
    url = f"http://127.0.0.1:{port}"
    wait_until(lambda: _answers(url) or backend.popen.poll() is not None)
    assert backend.popen.poll() is None, backend.output()
    yield url


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.TransportError:
        return False
