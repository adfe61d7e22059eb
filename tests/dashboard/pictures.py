"""Pictures of every page, of a service that has been busy for an hour: `python -m tests.dashboard.pictures FOLDER`.

The README shows `overview.png` and `job.png`, of which there is as much as a screen shows.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.conftest import Clock
from tests.flow import live, register
from tracker.demo.receiver import Mischief
from tracker.demo.simulators import Fault, decart, photogpt, scenario_scripts, wondercat
from tracker.demo.stage import SUBSCRIPTION_PATH, set_up
from tracker.logs import configure_logs
from tracker.surroundings import Surroundings

from .browsing import SCREENS, launched

MINUTES = 55
SEED = 3
HEIGHT = 1240
OF_THE_README = ("overview", "job")


async def main(folder: Path) -> None:
    dice = random.Random(SEED)  # noqa: S311 - it shuffles, it hides nothing
    clock = Clock(datetime.now(UTC) - timedelta(minutes=MINUTES + 2))
    surroundings = Surroundings(now=clock, jitter=dice.random, entropy=dice.randbytes)
    async with set_up(surroundings, is_ticking=False) as stage, launched() as browser:
        pages = await begin_all(stage, clock, dice)
        for screen, options in SCREENS.items():
            context = await browser.new_context(**options)
            await context.clock.set_fixed_time(clock.at)
            page = await context.new_page()
            await page.set_viewport_size({"width": options["viewport"]["width"], "height": HEIGHT})
            await page.goto(f"{stage.url}/login")
            await page.screenshot(path=folder / f"login-{screen}.png")
            await page.goto(stage.url + stage.service.site.login_path(stage.service.settings.api_key))
            for name, path in pages.items():
                await page.goto(stage.url + path)
                if screen == "light" and name in OF_THE_README:
                    await page.screenshot(path=folder / f"{name}.png")
                await page.screenshot(path=folder / f"{name}-{screen}.png", full_page=True)
            await context.close()


async def begin_all(stage, clock, dice):
    """Lets an hour pass; returns the paths of all pages."""
    body = {"callback_url": stage.callbacks + SUBSCRIPTION_PATH, "secret": stage.subscription_secret}
    subscription = (await stage.client.post("/v1/subscriptions", json=body | {"events": ["job.*"]})).json()
    await be_busy(stage, clock, dice)
    job = await begin_workflow(stage, clock)
    delivery = (await stage.client.get("/v1/deliveries?limit=1")).json()["data"][0]
    return {
        "overview": "/",
        "jobs": "/jobs",
        "job": f"/jobs/{job['id']}",
        "subscriptions": "/subscriptions",
        "new-subscription": "/subscriptions/new",
        "subscription": f"/subscriptions/{subscription['id']}",
        "deliveries": "/deliveries",
        "delivery": f"/deliveries/{delivery['id']}",
        "providers": "/providers",
        "provider": "/providers/wondercat",
    }


async def be_busy(stage, clock, dice):
    """Runs jobs of all providers, some of which end badly, with callbacks that are refused now and then."""
    sorts = (
        ("wondercat", "inference", lambda: wondercat.success("inference", dice.lognormvariate(3, 0.4))),
        ("wondercat", "editor", lambda: wondercat.success("editor", dice.lognormvariate(4, 0.3))),
        ("scenario", "job", lambda: scenario_scripts.success(dice.lognormvariate(2.5, 0.5))),
        ("scenario", "job", lambda: scenario_scripts.failure(dice.uniform(5, 30))),
        ("decart", "job", lambda: decart.success(dice.uniform(20, 90))),
        ("photogpt", "job", lambda: photogpt.OUTCOMES["job"]["success"](dice.uniform(10, 50))),
    )
    number = itertools.count(1)
    for minute in range(MINUTES):
        for _ in range(dice.choice((0, 1, 2, 2, 3, 4))):
            provider, kind, script = dice.choice(sorts)
            job = stage.world.add(provider, kind, script(), job_id=f"{provider}-{next(number)}")
            await register(stage, provider=provider, kind=kind, remote_id=job.id)
        if minute % 9 == 4:
            stage.inbox.misbehave(Mischief.SERVER_ERROR, times=2)
        await live(stage, clock, 60)
    stage.world.add("photogpt", "job", photogpt.OUTCOMES["job"]["success"](900), job_id="photogpt-held")
    await register(stage, provider="photogpt", kind="job", remote_id="photogpt-held")
    stage.world.break_polls(Fault.UNAUTHORIZED, job_id="photogpt-held", times=99)


async def begin_workflow(stage, clock):
    """A job in the midst of its steps."""
    workflow = stage.world.add("scenario", "job", scenario_scripts.OUTCOMES["job"]["workflow"](90), job_id="portraits")
    job = await register(stage, provider="scenario", kind="job", remote_id=workflow.id, tags=["portraits"])
    await live(stage, clock, 50)
    return job


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    configure_logs("text", logging.ERROR)
    asyncio.run(main(Path(sys.argv[1])))
