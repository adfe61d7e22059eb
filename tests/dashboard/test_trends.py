"""What was done over time, as plots and in words."""

import pytest

from store.records import FINAL_STATUSES, AttemptResult
from tracker.dashboard.trends import attempts, detection_delay, finished, polls_per_job, trends_of, trends_of_provider

SINCE = "2026-01-01T12:00:00.000Z"


def step(minute=0, *, jobs=None, polls=0, delay=(0, 0.0, 0.0), tried=None, requests=0):
    ended = dict.fromkeys((status.value for status in FINAL_STATUSES), 0) | (jobs or {})
    count, seconds, longest = delay
    return {
        "at": f"2026-01-01T12:{minute:02}:00.000Z",
        "requests": requests,
        "polls": polls,
        "jobs": ended,
        "polls_of_finished_jobs": polls,
        "detection_delay": {"count": count, "seconds": seconds, "longest_seconds": longest},
        "attempts": dict.fromkeys((outcome.value for outcome in AttemptResult), 0) | (tried or {}),
    }


def activity(*steps, step_seconds=60):
    return {"since": SINCE, "until": SINCE, "step_seconds": step_seconds, "data": list(steps)}


def legend(trend):
    return {entry.word: entry.told for entry in trend.legend}


def test_jobs_are_counted_by_their_ends_with_links_to_their_lists():
    trend = finished(activity(step(jobs={"succeeded": 1200, "failed": 1}), step(1, jobs={"failed": 2})))
    assert legend(trend) == {"succeeded": "1,200", "failed": "3", "canceled": "0", "expired": "0"}
    assert trend.legend[1].href == "/jobs?status=failed&finished_after=2026-01-01T12%3A00%3A00.000Z"
    assert (trend.ends, trend.is_empty) == (("2000", "0"), False)
    assert trend.plot.hints == ("12:00 UTC: 1200 succeeded, 1 failed", "12:01 UTC: 2 failed")
    assert trend.summary == "Jobs finished per minute: succeeded 1,200, failed 3, canceled 0, expired 0"


def test_every_outcome_of_an_attempt_is_in_some_layer():
    every = dict.fromkeys((outcome.value for outcome in AttemptResult), 1)
    trend = attempts(activity(step(tried=every)))
    assert legend(trend) == {"delivered": "1", "rejected": "1", "timed out": "1", "unreachable": "3", "blocked": "1"}


def test_delay_is_a_mean_over_jobs_and_not_over_minutes():
    trend = detection_delay(activity(step(delay=(1, 9.0, 9.0)), step(1), step(2, delay=(3, 3.0, 2.0))))
    assert legend(trend) == {"mean": "3.0 s", "longest": "9.0 s"}
    assert trend.ends == ("10 s", "0")
    assert trend.plot.hints[1] == "12:01 UTC: no end that was told"
    assert trend.plot.hints[2] == "12:02 UTC: 1.0 s on average, 2.0 s at most"


def test_polls_are_told_per_job_that_ended():
    trend = polls_per_job(
        activity(step(jobs={"succeeded": 2}, polls=3), step(1, jobs={"expired": 1}, polls=6, requests=5))
    )
    assert legend(trend) == {"mean": "3.0", "all polls": "9", "requests": "5"}
    assert trend.plot.hints == ("12:00 UTC: 1.5 polls per job", "12:01 UTC: 6.0 polls per job")


def test_where_nothing_was_done_every_plot_says_so():
    trends = trends_of(activity(step(), step(1)))
    assert [trend.is_empty for trend in trends] == [True] * 4
    assert {mark.path for trend in trends for mark in trend.plot.marks} == {""}
    assert len({trend.name for trend in trends}) == 4


@pytest.mark.parametrize(("seconds", "title"), [(60, "per minute"), (720, "per 12 minutes")])
def test_title_says_how_long_a_step_is(seconds, title):
    assert trends_of(activity(step(), step_seconds=seconds))[0].title.endswith(title)


def test_trends_of_a_provider_are_of_its_jobs_alone():
    mine = step(jobs={"failed": 2}, polls=8, delay=(2, 4.0, 3.0))
    both = step(jobs={"failed": 5}, polls=50) | {"providers": {"decart": mine}}
    ended, delay, polls = trends_of_provider(activity(both, step(1) | {"providers": {}}), "decart")
    assert legend(ended)["failed"] == "2"
    assert ended.legend[1].href.startswith("/jobs?provider=decart&status=failed&finished_after=")
    assert legend(delay)["mean"] == "2.0 s"
    assert legend(polls)["mean"] == "4.0"
    assert all(trend.is_empty for trend in trends_of_provider(activity(both | {"providers": {}}), "decart"))
