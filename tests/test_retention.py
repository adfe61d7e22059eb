"""What is past its retention goes in batches that learn how large they may be."""

from __future__ import annotations

from datetime import UTC, datetime

from tracker.retention import SECONDS_AT_A_TIME, Retention
from tracker.rules.batching import FEWEST_ROWS, FIRST_ROWS, WRITER_SECONDS

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Rows:
    """So many old rows, each of which takes the writer some seconds."""

    def __init__(self, left: int, seconds_each: float) -> None:
        self.left = left
        self.seconds_each = seconds_each
        self.batches: list[int] = []

    async def forget(self, _now, rows, spent):
        done = min(rows, self.left)
        self.left -= done
        self.batches.append(done)
        spent(done * self.seconds_each)
        return done


async def test_all_that_is_old_goes_in_one_run_if_it_is_little():
    sorts = [Rows(500, 1e-6), Rows(3, 1e-6)]
    assert not await Retention([each.forget for each in sorts]).forget(NOW)
    assert [each.left for each in sorts] == [0, 0]


async def test_batches_grow_where_rows_are_quick_and_shrink_where_they_are_slow():
    quick, slow = Rows(10_000, 1e-5), Rows(10_000, 1e-3)
    await Retention([quick.forget]).forget(NOW)
    await Retention([slow.forget]).forget(NOW)
    assert quick.batches[0] == slow.batches[0] == FIRST_ROWS
    assert max(quick.batches) > 2 * FIRST_ROWS
    assert max(slow.batches[1:]) * slow.seconds_each <= WRITER_SECONDS


async def test_run_that_has_had_its_time_leaves_the_rest_to_the_next_and_goes_on_there():
    first, second = Rows(2_000, 1e-3), Rows(10, 1e-3)
    retention, runs = Retention([first.forget, second.forget]), 1
    while await retention.forget(NOW):
        assert sum(first.batches) * 1e-3 <= runs * (SECONDS_AT_A_TIME + WRITER_SECONDS) + FIRST_ROWS * 1e-3
        runs += 1
    assert runs > 5
    assert (first.left, second.left) == (0, 0)


async def test_row_that_takes_longer_than_a_batch_may_still_goes():
    rows = Rows(20, 1.0)
    retention = Retention([rows.forget])
    while await retention.forget(NOW):
        pass
    assert rows.left == 0
    assert rows.batches[-1] <= FEWEST_ROWS
