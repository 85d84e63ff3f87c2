"""A real browser without a window, talking to nobody but this machine."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # as root there is none; the pages are ours
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@contextmanager
def open_browser(profile: Path) -> Iterator[Chrome]:
    """Chromium with an empty profile. Without chromedriver the test is skipped; in CI that is a failure."""
    driver = shutil.which("chromedriver")
    if driver is None:
        if os.environ.get("CI"):
            pytest.fail("chromedriver is missing: `make test` installs it")
        pytest.skip("no chromedriver: see `make browser`")
    options = ChromeOptions()
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    browser = Chrome(options=options, service=Service(driver))
    try:
        browser.set_page_load_timeout(20)
        yield browser
    finally:
        browser.quit()
