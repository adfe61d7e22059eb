"""An account's budget over time, whatever its requests take, and what the log is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tracker.accounts import Accounts
from tracker.rules.accounts import AccountStatus, Budget
from tracker.rules.exchange import ExchangeFailure, HttpAnswer
from tracker.rules.parts import WHOLE, Part
from tracker.rules.reading import Problem, Unchanged

UNAUTHORIZED = Problem("unauthorized", "The provider refuses the credentials (HTTP 401).", 401)
REFUSED = ExchangeFailure("connection", "The connection failed: refused")


@pytest.fixture
def account(surroundings, clock):
    found = Accounts(lambda *_: Budget(3, 2), surroundings).find("scenario", "default")
    clock.advance(1)
    return found


def test_after_a_start_nothing_is_sent_for_a_window(surroundings, clock):
    account = Accounts(lambda *_: Budget(0.1, 5), surroundings).find("scenario", "default")
    assert account.room(clock()) == 0
    assert account.has_room_at(clock()) == clock() + timedelta(seconds=10)
    clock.advance(10)
    assert account.room(clock()) == 1


def test_requests_at_a_time_are_bounded(account, clock):
    assert account.room(clock()) == 2
    account.begin()
    account.begin()
    assert account.room(clock()) == 0
    assert account.has_room_at(clock()) is None, "a request that ends makes room"


def test_request_counts_until_a_window_after_its_end(account, clock):
    for _ in range(3):
        account.begin()
        clock.advance(5)
        account.end()
    assert account.room(clock()) == 2, "those before ended long ago"
    account.begin()
    account.end()
    account.begin()
    account.end()
    assert account.room(clock()) == 0
    assert account.has_room_at(clock()) == clock() + timedelta(seconds=1)
    clock.advance(1)
    assert account.room(clock()) == 2


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 3), st.floats(0, 1)), max_size=60), st.integers(1, 5))
def test_no_window_at_the_provider_sees_more_requests_than_the_budget(surroundings, clock, plan, rate):
    """Requests are sent whenever there is room, take as long as they like, and arrive some time before their answer."""
    start = clock()
    account = Accounts(lambda *_: Budget(rate, 1000), surroundings).find("scenario", "default")
    under_way, arrivals = [], []
    for pause, seconds, share in plan:
        clock.advance(pause)
        for ends_at in sorted(each for each in under_way if each <= clock()):
            under_way.remove(ends_at)
            now, clock.at = clock.at, ends_at
            account.end()
            clock.at = now
        if account.room(clock()) > 0:
            account.begin()
            arrivals.append(clock() + timedelta(seconds=seconds * share))
            under_way.append(clock() + timedelta(seconds=seconds))
    arrivals.sort()
    for first, after in zip(arrivals, arrivals[rate:], strict=False):
        assert after - first >= timedelta(seconds=1) - timedelta(microseconds=2)
    assert all(arrival >= start + timedelta(seconds=1) for arrival in arrivals)
    clock.at = start


def test_suspended_account_tries_one_request_at_a_time_once_its_wait_is_over(account, clock):
    account.note(UNAUTHORIZED)
    assert account.room(clock()) == 0
    assert account.has_room_at(clock()) == account.standing.until
    clock.at = account.standing.until
    assert account.room(clock()) == 1
    account.begin()
    assert account.room(clock()) == 0
    account.end()
    account.note(Unchanged())
    clock.advance(1)
    assert account.room(clock()) == 2


def test_change_of_an_accounts_standing_is_one_line_in_the_log(account, clock):
    with capture_logs() as lines:
        for _ in range(3):
            account.note(UNAUTHORIZED)
        clock.at = account.standing.until
        for _ in range(3):
            account.note(Unchanged())
    assert [line["event"] for line in lines] == ["account.suspended", "account.resumed"]
    assert (lines[0]["provider"], lines[0]["account"], lines[0]["log_level"]) == ("scenario", "default", "warning")


def test_breaker_of_a_provider_holds_all_of_its_accounts_and_no_others(surroundings, clock):
    accounts = Accounts(lambda *_: Budget(), surroundings)
    one, other = accounts.find("scenario", "default"), accounts.find("scenario", "team-a")
    stranger = accounts.find("decart", "default")
    clock.advance(1)
    with capture_logs() as lines:
        for _ in range(7):
            one.reach.note(REFUSED)
    assert [line["event"] for line in lines] == ["provider.unreachable"]
    assert (one.room(clock()), other.room(clock())) == (0, 0)
    assert stranger.room(clock()) > 0
    clock.at = one.reach.breaker.until
    assert (one.room(clock()), other.room(clock())) == (1, 1)
    one.begin()
    assert (one.room(clock()), other.room(clock())) == (0, 0), "one request tries for all"
    one.end()
    with capture_logs() as lines:
        one.reach.note(HttpAnswer(500))
    assert [line["event"] for line in lines] == ["provider.reached"]
    assert other.room(clock()) > 1


@pytest.mark.parametrize("code", ["too_large", "invalid"])
def test_answer_that_came_and_cannot_be_used_is_no_failure_of_the_connection(account, code):
    for _ in range(9):
        account.reach.note(ExchangeFailure(code, "…"))
    assert not account.reach.breaker.is_open


def test_names_with_the_same_variables_share_a_budget(surroundings):
    accounts = Accounts(lambda *_: Budget(), surroundings)
    assert accounts.find("scenario", "Team_A") is accounts.find("scenario", "team-a")
    assert [account.name for account in accounts.of("scenario")] == ["team-a"]
    assert accounts.find("scenario", "team-a").standing.status is AccountStatus.ACTIVE


def test_budget_is_divided_among_replicas_and_grows_only_a_window_after_one_has_gone(surroundings, clock):
    part = Part(0, 2)
    account = Accounts(lambda *_: Budget(10, 6), surroundings, lambda _key: part).find("scenario", "default")
    clock.advance(1)
    assert account.room(clock()) == 3
    part = WHOLE
    assert account.room(clock()) == 3
    assert account.has_room_at(clock()) == clock() + timedelta(seconds=1)
    clock.advance(1)
    assert account.room(clock()) == 6
    account.begin()
    account.begin()
    part = Part(5, 6)
    assert account.room(clock()) == 0
    assert not account.fits(clock()), "one of the two is another replica's by now"
    account.end()
    clock.advance(1)
    assert account.fits(clock())


def test_held_account_is_tried_by_one_replica(surroundings, clock):
    rooms = []
    for rank in range(3):
        part = Part(rank, 3)
        accounts = Accounts(lambda *_: Budget(30, 30), surroundings, lambda _key, part=part: part)
        account = accounts.find("scenario", "default")
        account.note(UNAUTHORIZED)
        rooms.append((account, part))
    clock.advance(60)
    assert [account.room(clock()) for account, _ in rooms] == [1, 0, 0]


def test_what_other_replicas_found_out_holds_here_too(surroundings):
    here, there = (Accounts(lambda *_: Budget(), surroundings) for _ in range(2))
    there.find("scenario", "default").note(UNAUTHORIZED)
    here.stand_as_others_say([there.find("scenario", "default").held()])
    assert here.find("scenario", "default").standing.status is AccountStatus.SUSPENDED
    here.stand_as_others_say([])
    assert here.find("scenario", "default").standing.status is AccountStatus.ACTIVE


def test_what_this_replica_found_out_a_moment_ago_is_newer_than_what_it_reads(surroundings, clock):
    accounts = Accounts(lambda *_: Budget(), surroundings)
    account = accounts.find("scenario", "default")
    account.note(UNAUTHORIZED)
    accounts.stand_as_others_say([])
    assert account.standing.status is AccountStatus.SUSPENDED
    clock.advance(10)
    accounts.stand_as_others_say([])
    assert account.standing.status is AccountStatus.SUSPENDED, "it is not written yet"
    with pytest.raises(ConnectionError), accounts.changed():
        raise ConnectionError
    accounts.stand_as_others_say([])
    with accounts.changed() as held:
        assert held == [account.held()]
    accounts.stand_as_others_say([])
    assert account.standing.status is AccountStatus.ACTIVE
