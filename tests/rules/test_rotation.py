"""Which secrets sign after a rotation, and for how long."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.records import Secret
from tracker.rules.rotation import LONGEST_GRACE, MOST_SECRETS, TooManySecretsError, live_secrets, rotated

from .strategies import NOW, at

DAY = 86_400
graces = st.floats(0, LONGEST_GRACE)
steps = st.lists(st.tuples(st.floats(0, 2 * LONGEST_GRACE), graces), max_size=8)
expiries = st.lists(st.none() | st.integers(-100, 100), max_size=6)


def values(secrets):
    return [secret.value for secret in secrets]


@given(expiries)
def test_just_the_secrets_that_have_not_expired_sign_in_their_order(ends):
    some = [Secret(f"s{number}", None if end is None else at(end)) for number, end in enumerate(ends)]
    assert values(live_secrets(some, NOW)) == [f"s{n}" for n, end in enumerate(ends) if end is None or end > 0]


def test_new_secret_signs_first_and_the_one_before_it_until_the_grace_is_over():
    secrets = rotated((Secret("old"),), "new", DAY, NOW)
    assert secrets == (Secret("new"), Secret("old", at(DAY)))
    assert values(live_secrets(secrets, at(DAY - 1))) == ["new", "old"]
    assert values(live_secrets(secrets, at(DAY))) == ["new"]


def test_expired_secret_is_dropped_at_the_next_rotation():
    secrets = (Secret("new"), Secret("old", at(-1)), Secret("older", at(-DAY)))
    assert values(rotated(secrets, "newest", DAY, NOW)) == ["newest", "new"]


def test_without_grace_the_new_secret_alone_signs_from_now_on():
    secrets = (Secret("new"), Secret("old", at(DAY)))
    assert rotated(secrets, "newest", 0, NOW) == (Secret("newest"),)


def test_second_rotation_prolongs_no_grace_and_shortens_those_that_are_longer():
    first = rotated((Secret("a"),), "b", DAY, NOW)
    assert rotated(first, "c", 2 * DAY, at(1)) == (Secret("c"), Secret("b", at(2 * DAY + 1)), Secret("a", at(DAY)))
    assert rotated(first, "c", 60, at(1)) == (Secret("c"), Secret("b", at(61)), Secret("a", at(61)))


def test_only_so_many_sign_at_a_time_unless_there_is_no_grace():
    secrets = (Secret("0"),)
    for number in range(1, MOST_SECRETS):
        secrets = rotated(secrets, str(number), DAY, at(number))
    with pytest.raises(TooManySecretsError, match="Wait until the oldest expires"):
        rotated(secrets, "one too many", DAY, at(10))
    assert values(rotated(secrets, "x", 0, at(10))) == ["x"]
    assert values(rotated(secrets, "x", DAY, at(DAY + 1))) == ["x", "4", "3", "2", "1"]


@given(steps)
def test_newest_signs_for_good_and_the_others_no_longer_than_any_grace_since(steps):
    now, secrets, bounds = NOW, (Secret("0"),), {}
    for number, (pause, grace) in enumerate(steps, 1):
        now += timedelta(seconds=pause)
        try:
            secrets = rotated(secrets, str(number), grace, now)
        except TooManySecretsError:
            assert len(live_secrets(secrets, now)) == MOST_SECRETS
            continue
        until = now + timedelta(seconds=grace)
        bounds = {value: min(bound, until) for value, bound in bounds.items()}
        bounds |= {value: until for value in values(secrets) if value not in bounds and value != str(number)}
        assert secrets[0] == Secret(str(number))
        assert len(secrets) <= MOST_SECRETS
        assert all(now < secret.expires_at == bounds[secret.value] for secret in secrets[1:])
        assert set(values(secrets[1:])) == {value for value, bound in bounds.items() if bound > now}
