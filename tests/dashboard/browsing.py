"""A real browser: Debian's Chromium, driven by Playwright. It reaches nothing but this machine."""

from __future__ import annotations

import os
import shutil
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright, expect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = (
    "--no-sandbox",  # which Chromium has no other way around where it runs as root
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
SCREENS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}},
    "narrow": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}
SERIOUS = ("serious", "critical")
GUARD = 30_000
"""Milliseconds after which something never happens."""

expect.set_options(timeout=GUARD)


def chromium():
    """Where Chromium is; without one the test is skipped, and fails where there must be one."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = "There is no Chromium here; get one by `apt-get install chromium`."
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@asynccontextmanager
async def launched():
    """A browser."""
    path = chromium()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


class Watch:
    """Notes what a page should not do: errors on its console, and requests to other hosts.

    `allowed` are parts of what may be said on the console.
    """

    def __init__(self, page, url):
        self.troubles = []
        self.allowed = []
        self._hosts = {urlsplit(url).netloc}
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        page.on("request", self._see)

    def also(self, url):
        """Lets the page ask this server too."""
        self._hosts.add(urlsplit(url).netloc)

    def _hear(self, message):
        if message.type in ("error", "warning") and not any(part in message.text for part in self.allowed):
            self.troubles.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _see(self, request):
        parts = urlsplit(request.url)
        if parts.netloc not in self._hosts and parts.scheme not in ("data", "blob"):
            self.troubles.append(f"request: {request.url}")


async def serious_flaws(page):
    """What axe-core finds that keeps people out."""
    found = await Axe().run(page)
    return [
        (each["id"], each["impact"], [node["target"] for node in each["nodes"]])
        for each in found.response["violations"]
        if each["impact"] in SERIOUS
    ]


async def sign_in(page, url, key):
    """Signs in as people do."""
    await page.goto(f"{url}/login")
    await page.get_by_label("API key").fill(key)
    await page.get_by_role("main").get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{url}/")
