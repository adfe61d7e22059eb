"""`tracker demo --keep` as a process: it ends with a link to a dashboard that has something to show."""

import asyncio
import os
import re
import signal
import sys

import httpx

from tests.dashboard.visiting import Seen

LINK = re.compile(r"(http://127\.0\.0\.1:\d+)(/login\?code=\S+)")
GUARD = 120


async def test_kept_demo_ends_with_a_link_to_a_full_page(tmp_path):
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tracker", "demo", "--keep", "--jobs", "4", "--speed", "10"),
        env=environ,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(GUARD):
            url, path = await link_in(process.stdout)
            await look_around(url, path)
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 130
    finally:
        if process.returncode is None:
            process.kill()


async def link_in(lines):
    """The address and the one-click link that are printed."""
    async for line in lines:
        if found := LINK.search(line.decode()):
            return found.groups()
    raise AssertionError("The demo ended without a link.")


async def look_around(url, path):
    """Signs in by the link, and finds on each page what the demo has done."""
    async with httpx.AsyncClient(base_url=url, follow_redirects=True, trust_env=False) as visitor:
        overview = Seen((await visitor.get(path)).text)
        assert "Jobs finished per minute" in overview.text
        for page, sought in {"/jobs": "succeeded", "/deliveries": "delivered", "/subscriptions": "active"}.items():
            assert sought in [each.text for each in Seen((await visitor.get(page)).text).all("span")]
