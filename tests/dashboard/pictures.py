"""Pictures of every page, in light, dark and narrow: `uv run python -m tests.dashboard.pictures FOLDER`.

The demo's jobs run for twenty seconds, so that there is something to see.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from tests.flow import register
from tracker.dashboard.routes import PAGES
from tracker.demo.recipes import RECIPES, begin, pace_of, sped_up
from tracker.demo.stage import SUBSCRIPTION_PATH, set_up
from tracker.logs import configure_logs
from tracker.providers.catalog import load_descriptions
from tracker.surroundings import Surroundings

from .browsing import SCREENS, launched, sign_in

SECONDS = 20
PATHS = [path for method, path, _ in PAGES if method == "GET" and path != "/live" and "{" not in path]


async def run_jobs(stage):
    """The demo's jobs, of which the slowest still run at the end; tells those that are worth a picture."""
    callback = stage.callbacks + SUBSCRIPTION_PATH
    body = {"callback_url": callback, "events": ["job.*"], "secret": stage.subscription_secret}
    await stage.client.post("/v1/subscriptions", json=body)
    shown = {}
    for number, recipe in enumerate(RECIPES):
        remote_id = f"{recipe.prefix}{number:02d}"
        begin(recipe, remote_id, stage.world, pace_of(recipe.kind, 1))
        job = await register(
            stage, provider=recipe.provider, kind=recipe.kind, remote_id=remote_id, tags=["hero"], metadata={"shop": 7}
        )
        shown.setdefault(recipe.outcome, f"/jobs/{job['id']}")
    await asyncio.sleep(SECONDS)
    return shown


async def take(browser, stage, folder, paths):
    """A picture of each page on each screen."""
    for screen, how in SCREENS.items():
        context = await browser.new_context(**how)
        page = await context.new_page()
        await sign_in(page, stage.url, stage.service.settings.api_key)
        for name, path in paths.items():
            await page.goto(stage.url + path)
            await page.screenshot(path=folder / f"{name}-{screen}.png", full_page=True)
        await context.close()


async def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    configure_logs("text", logging.ERROR)
    descriptions = [sped_up(description, 1) for description in load_descriptions(None)]
    async with set_up(Surroundings(), descriptions) as stage, launched() as browser:
        jobs = {f"job-{outcome}": path for outcome, path in (await run_jobs(stage)).items()}
        await take(browser, stage, folder, {path.strip("/") or "overview": path for path in PATHS} | jobs)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
