import json

import pytest
from cli_fake_service import NOW, Reply, problem, replay, subscription

from tracker.cli.connection import connect
from tracker.cli.replaying import wait_until_done

SUB_ID = subscription()["id"]
BEGIN = f"/v1/subscriptions/{SUB_ID}/replay"
SHOW = f"/v1/subscriptions/{SUB_ID}/replays/{replay()['id']}"
DONE = replay(status="done", queued=120, finished_at=NOW)


def replies(*documents):
    return [Reply(200, document) for document in documents]


def test_replay_sends_what_was_given_and_prints_what_begins(tracker, service):
    service.on("POST", BEGIN, Reply(202, replay()))
    options = ("--until", "2026-11-22T10:00:00Z", "--event", "job.*", "--event", "job.step", "--only-failed")
    result = tracker("subscriptions", "replay", SUB_ID, "--since", "2026-11-22T09:00:00Z", *options, "--rate", "7.5")
    assert result.exit_code == 0, result.output
    assert replay()["id"] in result.stdout
    assert service.requests[0].body == {
        "since": "2026-11-22T09:00:00Z",
        "until": "2026-11-22T10:00:00Z",
        "events": ["job.*", "job.step"],
        "only_failed": True,
        "rate": 7.5,
    }
    assert len(service.requests) == 1


def test_what_is_not_given_is_left_to_the_service(tracker, service):
    service.on("POST", BEGIN, Reply(202, replay()))
    result = tracker("subscriptions", "replay", SUB_ID, "--since", "T", "--json")
    assert service.requests[0].body == {"since": "T"}
    assert json.loads(result.stdout) == replay()


def test_wait_shows_each_change_as_a_line_until_all_is_queued(service, tracker):
    service.on("POST", BEGIN, Reply(202, replay(total=None)))
    service.on("GET", SHOW, *replies(replay(total=None), DONE))
    result = tracker("subscriptions", "replay", SUB_ID, "--since", "T", "--wait")
    assert result.exit_code == 0, result.output
    name = replay()["id"]
    assert result.stdout.splitlines() == [f"{name} running: 0 of ? queued", f"{name} done: 120 of 120 queued"]


def test_wait_as_json_prints_the_end_alone(service, tracker):
    service.on("POST", BEGIN, Reply(202, replay()))
    service.on("GET", SHOW, *replies(DONE))
    result = tracker("subscriptions", "replay", SUB_ID, "--since", "T", "--wait", "--json")
    assert json.loads(result.stdout) == DONE


def test_replay_that_is_done_at_once_is_not_asked_about(service, tracker):
    service.on("POST", BEGIN, Reply(202, DONE))
    assert tracker("subscriptions", "replay", SUB_ID, "--since", "T", "--wait").exit_code == 0
    assert service.sent("GET", SHOW) == []


def test_wait_looks_again_after_a_pause(service):
    service.on("GET", SHOW, *replies(replay(queued=50), replay(queued=100), DONE))
    seen, pauses = [], []
    with connect(service.url) as connection:
        end = wait_until_done(connection, replay(), lambda shown: seen.append(shown["queued"]), pauses.append)
    assert (end, seen, pauses) == (DONE, [0, 50, 100, 120], [0.5] * 3)


def test_terminal_shows_a_bar(service, run_on_a_terminal):
    service.on("POST", BEGIN, Reply(202, replay(total=None)))
    service.on("GET", SHOW, *replies(replay(queued=60), DONE))
    code, shown = run_on_a_terminal("subscriptions", "replay", SUB_ID, "--since", "T", "--wait")
    assert code == 0
    assert replay()["id"] in shown
    assert "120/120" in shown


@pytest.mark.parametrize(("status", "code"), [(404, 1), (422, 2)])
def test_refusal_is_told_in_one_line(service, tracker, status, code):
    service.on("POST", BEGIN, problem(status, detail="since is 'T', which is no time."))
    result = tracker("subscriptions", "replay", SUB_ID, "--since", "T")
    assert (result.exit_code, result.stdout) == (code, "")
    assert "which is no time" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_since_is_needed(tracker):
    assert tracker("subscriptions", "replay", SUB_ID).exit_code == 2
