import asyncio
import cProfile
import os
import pstats
import sys

E = sys.stderr
sys.stderr = open(os.devnull, "w")
from tracker.logs import configure_logs

configure_logs("json")
sys.stderr = E
from tests.bench.engine import *
from tests.bench.machine import *


async def main():
    async with far_side() as url, service(url) as s:
        await asyncio.sleep(1.2)
        await poll_burst(s, 2000)
        pr = cProfile.Profile()
        pr.enable()
        await poll_burst(s, 2000)
        pr.disable()
        pstats.Stats(pr).sort_stats("tottime").print_stats(70)


asyncio.run(main())
