from tests.bench.flow import completions
from tests.bench.machine import *
from tests.bench.retention import hold

log_as_in_production()


async def main():
    rate, d = await completions(3000)
    print(rate, d[len(d) // 2], d[int(len(d) * 0.99)])
    rate2, d = await completions(int(rate / 2 * 8), rate / 2)
    print(rate2, d[len(d) // 2], d[int(len(d) * 0.99)])
    h, took = await hold(20000, 100, 30)
    print(
        "ret",
        len(h.retention),
        max(h.retention, default=0),
        sorted(h.retention)[len(h.retention) // 2] if h.retention else None,
        "others",
        len(h.others),
        max(h.others),
        h.deleted,
        took,
    )


run(main())
