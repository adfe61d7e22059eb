import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracker.rules.belief import normals
from tracker.rules.lognormal import survival
from tracker.rules.profile import NATURES, Ending, Nature, child_of, first_profile, learn, nature_of
from tracker.rules.profile_bytes import profile_to_bytes
from tracker.rules.schedule import Timing

from .durations import endings, profile_after, profiles, seen


def left_at(belief, seconds):
    return float(survival(normals(belief), np.array([seconds]))[0])


def median(belief):
    seconds = np.geomspace(1e-2, 1e6, 4000)
    return float(np.interp(-0.5, -survival(normals(belief), seconds), seconds))


@settings(max_examples=30)
@given(profiles, endings())
def test_learning_is_deterministic(profile, job):
    assert profile_to_bytes(learn(profile, job)) == profile_to_bytes(learn(profile, job))


@settings(max_examples=30)
@given(profiles)
def test_shares_stay_shares(profile):
    shares = (profile.failed, profile.queued, profile.timed, profile.gauge.trust)
    assert all(0 <= share <= 1 for share in shares)
    assert 0.2 <= profile.gauge.power <= 5


@pytest.mark.parametrize(
    ("interval", "name"), [(1, "image"), (5, "image"), (6, "video"), (300, "training"), (900, "batch")]
)
def test_a_documented_interval_suggests_what_sort_of_job_it_is(interval, name):
    assert nature_of(Timing(1, interval)) == NATURES[name]


def test_the_cap_counts_where_intervals_grow():
    assert nature_of(Timing(1, 1, multiplier=1.5, cap=10)) == NATURES["video"]


def test_what_a_description_says_goes_before_what_its_interval_suggests():
    assert nature_of(Timing(1, 5, typical=40, delay_per_poll=3)) == Nature(3, 40)
    assert nature_of(Timing(1, 5, typical=40)) == Nature(NATURES["image"].delay_per_poll, 40)


def test_intervals_below_a_second_are_those_of_quicker_jobs():
    assert nature_of(Timing(0.1, 0.1)).typical == pytest.approx(NATURES["image"].typical / 10)


def test_failures_do_not_move_what_is_known_of_successes():
    profile = profile_after([seen(90)] * 20)
    failed = profile_after([Ending(0.4, 0.6, has_failed=True)] * 10, profile)
    assert failed.whole is profile.whole
    assert failed.failed > 0.2
    assert median(failed.failure) < 5


def test_a_canceled_job_is_not_taken_for_short():
    profile = profile_after([seen(90)] * 20)
    canceled = profile_after([Ending(5)] * 10, profile)
    assert median(canceled.whole) > 0.9 * median(profile.whole)


def test_the_end_that_a_provider_reports_is_believed():
    profile = profile_after([Ending(0, 500, ended=seconds) for seconds in (88, 90, 92) * 8])
    assert left_at(profile.whole, 80) > 0.9
    assert left_at(profile.whole, 100) < 0.1


def test_queueing_and_running_are_told_apart():
    jobs = [Ending(q + 58, q + 62, queue_after=q - 2, queue_by=q + 2) for q in (20, 60, 150, 40, 90)] * 6
    profile = profile_after(jobs)
    assert profile.queued > 0.9
    assert 55 < median(profile.run) < 65
    assert left_at(profile.run, 66) < 0.15
    assert 40 < median(profile.queue) < 90


def test_starts_that_are_reported_sharpen_the_run():
    jobs = [Ending(q + 58, q + 62, queue_after=0, queue_by=q + 58, started=q) for q in (20, 60, 150, 40, 90)] * 6
    profile = profile_after(jobs)
    assert profile.timed > 0.9
    assert left_at(profile.run, 55) > 0.9
    assert left_at(profile.run, 66) < 0.1


def test_linear_progress_wins_trust():
    jobs = [Ending(t - 1, t + 1, readings=((30, math.floor(3000 / t) / 100),)) for t in (50, 150, 80, 110, 65)] * 6
    gauge = profile_after(jobs).gauge
    assert gauge.trust > 0.9
    assert gauge.power == pytest.approx(1, abs=0.05)


def test_progress_that_is_faster_at_first_is_learned():
    jobs = [Ending(t - 1, t + 1, readings=((30, (30 / t) ** 0.6),)) for t in (50, 150, 80, 110, 65)] * 6
    assert profile_after(jobs).gauge.power == pytest.approx(1 / 0.6, abs=0.1)


def test_progress_that_means_nothing_loses_trust():
    durations, readings = (50, 150, 80, 110), (0.9, 0.1, 0.5, 0.3, 0.7)
    jobs = [Ending(t - 1, t + 1, readings=((30, readings[i % 5]),)) for i, t in enumerate(durations * 15)]
    assert profile_after(jobs).gauge.trust < 0.3


def test_a_child_starts_where_its_parent_is():
    parent = profile_after([seen(90)] * 40)
    child = child_of(parent)
    assert child.jobs == 0
    assert median(child.whole) == pytest.approx(90, rel=0.15)


def test_a_few_jobs_of_its_own_outvote_the_parent():
    child = profile_after([seen(30)] * 5, child_of(profile_after([seen(90)] * 40)))
    assert median(child.whole) == pytest.approx(30, rel=0.25)


@given(st.sampled_from(sorted(NATURES)))
def test_before_any_job_the_typical_duration_is_the_median(name):
    nature = NATURES[name]
    assert median(first_profile(nature).whole) == pytest.approx(nature.typical, rel=0.05)
