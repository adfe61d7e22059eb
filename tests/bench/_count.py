import asyncio
import collections
import os
import resource
import sys

os.environ.setdefault("N", "3000")
E = sys.stderr
sys.stderr = open(os.devnull, "w")
from tracker.logs import configure_logs

configure_logs("json")
sys.stderr = E
import store.database as d
import tracker.poll as p
from tests.bench.engine import *
from tests.bench.machine import *

C = collections.Counter()


def wrap(cls, name):
    f = getattr(cls, name)
    if asyncio.iscoroutinefunction(f):

        async def g(self, *a, **k):
            C[name] += 1
            return await f(self, *a, **k)
    else:

        def g(self, *a, **k):
            C[name] += 1
            return f(self, *a, **k)

    setattr(cls, name, g)


wrap(d.Database, "_write_together")
wrap(d.Database, "read")
wrap(d.Database, "write")
wrap(p.Poller, "tick")
wrap(p.Poller, "_record")
import tracker.metronome as m

wrap(m.Beat, "_plan")
import gc

if os.environ.get("NOGC"):
    gc.disable()


async def main():
    async with far_side() as url, service(url) as s:
        await asyncio.sleep(1.2)
        for _ in range(3):
            C.clear()
            r = resource.getrusage(resource.RUSAGE_SELF)
            c, t = await poll_burst(s, 3000)
            r2 = resource.getrusage(resource.RUSAGE_SELF)
            print(
                f"{c * 1000:.3f} {t * 1000:.3f}",
                dict(C),
                f"user {(r2.ru_utime - r.ru_utime):.2f} sys {(r2.ru_stime - r.ru_stime):.2f}",
                "vcsw",
                r2.ru_nvcsw - r.ru_nvcsw,
                "ivcsw",
                r2.ru_nivcsw - r.ru_nivcsw,
            )


asyncio.run(main())
