"""Batches of rows that are deleted: as large as the writer's time allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.batching import FEWEST_ROWS, FIRST_ROWS, MOST_ROWS, WRITER_SECONDS, next_rows

ROWS = st.integers(FEWEST_ROWS, MOST_ROWS)


@given(ROWS, st.floats(0, 3600))
def test_batch_is_never_empty_and_never_endless(rows, seconds):
    assert FEWEST_ROWS <= next_rows(rows, seconds) <= MOST_ROWS


@given(ROWS, st.floats(WRITER_SECONDS * 1.01, 3600))
def test_batch_that_took_too_long_is_followed_by_a_smaller_one(rows, seconds):
    assert next_rows(rows, seconds) < rows or rows == FEWEST_ROWS


@given(st.floats(1e-5, WRITER_SECONDS / FEWEST_ROWS))
def test_batches_come_to_take_what_they_may(seconds_per_row):
    rows = FIRST_ROWS
    for _ in range(20):
        rows = next_rows(rows, rows * seconds_per_row)
    fitting = min(WRITER_SECONDS / seconds_per_row, MOST_ROWS)
    assert 0.5 * fitting - 1 <= rows <= fitting + 1
