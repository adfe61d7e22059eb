"""A small closed loop: jobs are polled as planned, and what the polls saw is learned. Bounds are generous."""

import math
from random import Random

import numpy as np

from tracker.rules.profile import NATURES, first_profile
from tracker.rules.programme import Terms, expected_cost, solve

from .durations import play

JOBS = 90
LEARNED = 30


def seeded(number):
    return Random(number)  # noqa: S311 - a simulation's dice


def lognormal(dice, median, spread, count=JOBS):
    return [median * math.exp(dice.gauss(0, spread)) for _ in range(count)]


def optimum(median, spread, worth):
    """The least expected cost for a known log-normal, in polls."""
    times = np.concatenate([[0.0], median * np.exp(spread * np.linspace(-4, 4, 600))])
    left = [0.5 * math.erfc(math.log(time / median) / spread / math.sqrt(2)) for time in times[1:].tolist()]
    return expected_cost(solve(times, np.array([1.0, *left]), Terms(worth)))


def cost_of_interval(durations, interval, worth):
    polls = [math.ceil(duration / interval) for duration in durations]
    delays = [count * interval - duration for count, duration in zip(polls, durations, strict=True)]
    return (sum(polls) + sum(delays) / worth) / len(durations)


def test_videos_cost_near_the_optimum_and_far_below_the_documented_interval():
    dice = seeded(3)
    durations = lognormal(dice, 90, 0.2)
    cost = play(durations, 5.0, dice, first_profile(NATURES["video"])).cost(5.0, LEARNED)
    assert cost < 1.3 * optimum(90, 0.2, 5.0)
    assert cost < 0.3 * cost_of_interval(durations[LEARNED:], 3.0, 5.0)


def test_images_cost_near_the_optimum_and_less_than_the_documented_interval():
    dice = seeded(5)
    durations = lognormal(dice, 12, 0.3)
    cost = play(durations, 1.0, dice, first_profile(NATURES["image"])).cost(1.0, LEARNED)
    assert cost < 1.3 * optimum(12, 0.3, 1.0)
    assert cost < 0.9 * cost_of_interval(durations[LEARNED:], 3.0, 1.0)


def test_trainings_need_hardly_more_than_one_poll():
    dice = seeded(7)
    durations = lognormal(dice, 1320, 0.01)
    played = play(durations, 30.0, dice, first_profile(NATURES["training"]))
    assert sum(played.polls[LEARNED:]) / (JOBS - LEARNED) < 1.8
    assert played.cost(30.0, LEARNED) < 0.4 * cost_of_interval(durations[LEARNED:], 300.0, 30.0)


def test_a_provider_that_gets_faster_is_noticed():
    dice = seeded(9)
    durations = lognormal(dice, 90, 0.2, 50) + lognormal(dice, 25, 0.2, 50)
    cost = play(durations, 5.0, dice, first_profile(NATURES["video"])).cost(5.0, 70)
    assert cost < 1.5 * optimum(25, 0.2, 5.0)


def test_a_wrong_guess_of_the_sort_of_job_is_soon_forgotten():
    dice = seeded(11)
    durations = lognormal(dice, 45, 0.25)
    cost = play(durations, 1.0, dice, first_profile(NATURES["image"])).cost(1.0, LEARNED)
    assert cost < 1.3 * optimum(45, 0.25, 1.0)
