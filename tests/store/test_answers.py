"""The answers that are kept for whoever repeats a call."""

import asyncio
from dataclasses import replace

import pytest

from store.answers import KEPT_FOR, AlreadyAnsweredError, Answers
from store.records import ApiKey, KeptAnswer, Scope

from .builders import NOW, at, new_subscription, new_test

ANSWER = KeptAnswer("key_1", "k1", "digest", NOW, 201, {"location": "/v1/x"}, b"\0body")
LATER = NOW + KEPT_FOR


@pytest.fixture
def answers(database):
    return Answers(database)


async def test_answer_is_kept_as_it_is_for_its_caller_and_key_alone(answers):
    await answers.keep(ANSWER)
    assert await answers.find("key_1", "k1", NOW) == ANSWER
    for caller, key in (("key_2", "k1"), ("key_1", "k2"), ("key_1", "K1")):
        assert await answers.find(caller, key, NOW) is None


async def test_answer_is_kept_for_a_day_and_no_longer(answers):
    await answers.keep(ANSWER)
    assert await answers.find("key_1", "k1", at(KEPT_FOR.total_seconds() - 1)) == ANSWER
    assert await answers.find("key_1", "k1", LATER) is None


async def test_first_answer_stands_until_it_has_expired(answers):
    await answers.keep(ANSWER)
    with pytest.raises(AlreadyAnsweredError, match="'k1'"):
        await answers.keep(replace(ANSWER, request="other", answered_at=at(1)))
    assert await answers.find("key_1", "k1", NOW) == ANSWER
    newer = replace(ANSWER, request="other", answered_at=LATER)
    await answers.keep(newer)
    assert await answers.find("key_1", "k1", LATER) == newer


async def test_one_of_many_answers_at_once_is_kept(answers):
    tries = [answers.keep(replace(ANSWER, request=str(number))) for number in range(20)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["AlreadyAnsweredError"] * 19 + ["NoneType"]


async def test_expired_answers_are_forgotten_a_few_at_a_time_the_oldest_first(answers):
    for number in range(5):
        await answers.keep(replace(ANSWER, key=f"k{number}", answered_at=at(number)))
    now = at(2) + KEPT_FOR
    assert await answers.forget(now, 2) == 2
    assert [bool(await answers.find("key_1", f"k{number}", NOW)) for number in range(5)] == [False] * 2 + [True] * 3
    assert await answers.forget(now, 2) == 1
    assert await answers.forget(now, 2) == 0
    assert await answers.find("key_1", "k3", NOW) is not None


async def test_what_is_made_comes_with_its_answer_or_not_at_all(answers, subscriptions, keys, deliveries):
    key = ApiKey("key_9", "the shop", Scope.WRITE, "digest", NOW)
    await subscriptions.add(new_subscription(1))
    event, delivery = new_test(new_subscription(1))
    makings = {
        "subscription": (
            lambda answer: subscriptions.add(new_subscription(2), answer),
            lambda: subscriptions.get("sub_0002"),
        ),
        "key": (lambda answer: keys.add(key, answer), lambda: keys.get("key_9")),
        "test": (lambda answer: deliveries.add_test(event, delivery, answer), lambda: deliveries.get(delivery.id)),
    }
    for name, (make, find) in makings.items():
        answer = replace(ANSWER, key=name)
        await answers.keep(answer)
        with pytest.raises(AlreadyAnsweredError):
            await make(replace(answer, request="of another process"))
        assert await find() is None
        await make(replace(answer, caller="key_2"))
        assert await find() is not None
        assert await answers.find("key_2", name, NOW) == replace(answer, caller="key_2")


def test_body_stays_out_of_the_text_of_an_answer():
    assert "body" not in repr(ANSWER)
