"""Events that were stored before the feed could be filtered are found by what their bodies say."""

from contextlib import closing

import pytest
from sqlalchemy import create_engine, text

from store.database import Database
from store.events import Events
from store.migrations import upgrade
from store.records import EventFilter

from .builders import ALL

BODIES = {
    "evt_1": (
        "job_1",
        1,
        '{"type":"job.failed","data":{"job":{"provider":"decart","kind":"job","tags":["hero","ü"]}}}',
    ),
    "evt_2": ("job_2", 1, '{"type":"job.failed","data":{"job":{"provider":"scenario","kind":"job","tags":[]}}}'),
    "evt_3": (None, None, '{"type":"subscription.test","data":{"subscription":{"id":"sub_1"}}}'),
}


@pytest.fixture
def old_url(sqlite_url):
    """A database as it was before."""
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        upgrade(connection, "0006")
        for event_id, (job_id, sequence, body) in BODIES.items():
            row = {"id": event_id, "job": job_id, "sequence": sequence, "body": body.encode()}
            connection.execute(
                text(
                    "INSERT INTO events (id, type, timestamp, job_id, sequence, body)"
                    " VALUES (:id, 'job.failed', '2026-01-01 12:00:00', :job, :sequence, :body)"
                ),
                row,
            )
    engine.dispose()
    return sqlite_url


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (EventFilter(), ["evt_1", "evt_2", "evt_3"]),
        (EventFilter(providers=("decart",)), ["evt_1"]),
        (EventFilter(kinds=("job",)), ["evt_1", "evt_2"]),
        (EventFilter(tags=("ü",)), ["evt_1"]),
    ],
)
async def test_old_events_are_found(old_url, wanted, found):
    with closing(Database.open(old_url)) as database:
        page = await Events(database).after(0, ALL, wanted)
    assert [event.id for event in page.events] == found
    assert [event.body.decode() for event in page.events] == [BODIES[event_id][2] for event_id in found]
