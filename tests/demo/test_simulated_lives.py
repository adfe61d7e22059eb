from __future__ import annotations

import itertools
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.demo.simulators import Phase
from tracker.demo.simulators.scripts import cut, final_at, state_at

START = datetime(2026, 1, 1, tzinfo=UTC)
SCRIPT = (Phase("queued", 2), Phase("running", 8, progress=(0, 0.8)), Phase("done", progress=(1, 1)))


def at(seconds):
    return START + timedelta(seconds=seconds)


phases = st.builds(Phase, st.sampled_from(["queued", "running", "paused"]), st.floats(0, 100))
scripts = st.lists(phases, max_size=5).map(lambda begun: (*begun, Phase("done")))
moments = st.floats(-10, 700).map(at)


@pytest.mark.parametrize(
    ("seconds", "word", "progress"),
    [
        (-1, "queued", None),
        (0, "queued", None),
        (2, "running", 0),
        (6, "running", 0.4),
        (10, "done", 1),
        (99, "done", 1),
    ],
)
def test_job_goes_through_its_phases_as_time_passes(seconds, word, progress):
    state = state_at(SCRIPT, START, at(seconds))
    assert (state.phase.status, state.progress) == (word, progress)
    assert state.is_final == (word == "done")


def test_history_holds_each_word_with_the_time_it_began():
    script = (Phase("queued", 2), Phase("running", 3), Phase("running", 4), Phase("done"))
    assert state_at(script, START, at(9)).history == (("queued", at(0)), ("running", at(2)), ("done", at(9)))


def test_endless_phase_is_never_left():
    script = (Phase("queued", 1), Phase("waiting"), Phase("done"))
    assert state_at(script, START, at(1e9)).phase.status == "waiting"
    assert final_at(script, START) is None


def test_end_of_the_script_is_known_beforehand():
    assert final_at(SCRIPT, START) == at(10)


def test_endless_phase_stands_at_the_end_of_its_progress():
    assert state_at((Phase("running", math.inf, progress=(0, 0.5)), Phase("done")), START, at(1)).progress == 0.5


@given(scripts, moments, moments)
def test_job_never_goes_back(script, one, other):
    earlier, later = sorted((one, other))
    before, after = state_at(script, START, earlier), state_at(script, START, later)
    assert after.begun[: len(before.begun)] == before.begun
    assert after.is_final >= before.is_final


@given(scripts, st.floats(0, 700).map(at))
def test_job_is_final_from_the_time_foretold(script, now):
    finished_at = final_at(script, START)
    assert finished_at is not None
    # A float's worth of microseconds may be lost in the sum.
    if abs(now - finished_at) > timedelta(milliseconds=1):
        assert state_at(script, START, now).is_final == (now > finished_at)


@given(scripts, st.floats(0, 700).map(at))
def test_what_has_begun_is_kept_when_a_life_is_cut(script, now):
    cut_now = (*cut(script, START, now), Phase("canceled"))
    begun, before = state_at(cut_now, START, now), state_at(script, START, now)
    assert begun.phase.status == "canceled"
    assert [phase.status for phase, _ in begun.begun[:-1]] == [phase.status for phase, _ in before.begun]
    times = [since for _, since in begun.begun]
    assert all(earlier <= later for earlier, later in itertools.pairwise(times))


def test_unknown_word_hides_the_result():
    state = state_at(SCRIPT, START, at(10)).disguised("new-word")
    assert not state.is_final
    assert state.history == (("queued", at(0)), ("running", at(2)), ("new-word", at(10)))
