"""What a list costs is a matter of what it shows: SQLite takes hardly more steps among many jobs than among few."""

from contextlib import closing
from itertools import count

import pytest

from store.job_filter import JobFilter
from store.job_lists import find_jobs
from tests.bench.job_lists import FILTERS
from tests.bench.many_jobs import fill

FEW, MANY = 1000, 10_000
LIMIT = 20
TRIFLE = 10_000
"""So many steps are a look through the newest thousand jobs, which any list may take."""

TOGETHER = (
    ("provider=decart", "status=failed"),
    ("status=canceled", "created_after=1 h ago"),
    ("status=failed", "tag=calm"),
    ("tag=early", "created_after=1 h ago"),
    ("tag=early", "metadata.customer=c7"),
    ("tag=hero", "metadata.tier=gold"),
    ("metadata.tier=gold", "finished_before=29 d ago"),
    ("created_before=29 d ago", "finished_after=1 h ago"),
    ("provider=decart", "tag=plain", "status=failed", "finished_after=29 d ago"),
)


@pytest.fixture(scope="module")
def databases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    with closing(fill(folder, FEW)) as few, closing(fill(folder, MANY)) as many:
        yield few, many


def together(names):
    wanted = {}
    for name in names:
        for field, value in FILTERS[name].items():
            wanted[field] = wanted.get(field, ()) + value if field == "labels" else value
    return JobFilter(**wanted)


async def page_and_steps(database, wanted, limit):
    """How many jobs a first page shows, and the steps of SQLite's machine that it takes."""
    steps = count()

    def read(connection):
        driver = connection.connection.driver_connection
        driver.set_progress_handler(lambda: next(steps) and None, 1)
        try:
            return len(find_jobs(connection, wanted, limit, None).rows)
        finally:
            driver.set_progress_handler(None, 1)

    return await database.read(read), next(steps)


@pytest.mark.parametrize("names", [(), *((name,) for name in FILTERS), *TOGETHER], ids=" & ".join)
async def test_page_costs_hardly_more_among_many_jobs(databases, names):
    few, many = databases
    shown, among_few = await page_and_steps(few, together(names), LIMIT)
    _, among_many = await page_and_steps(many, together(names), max(shown, 1))
    assert among_many < 3 * max(among_few, TRIFLE)
