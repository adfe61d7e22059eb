import hashlib
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tracker.rules.ids import derived_id, derived_sorted_id, time_sorted_id

from .strategies import NOW, datetimes

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
entropies = st.binary(min_size=10, max_size=32)
parts = st.lists(
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.integers(), min_size=1, max_size=4
)


def text_of(identifier):
    return identifier.partition("_")[2]


def number_of(identifier):
    """The 128 bits that an id writes in base 32, by another road than the code's."""
    number = 0
    for character in text_of(identifier):
        number = number * 32 + ALPHABET.index(character)
    return number


def milliseconds_of(identifier):
    return number_of(identifier) >> 80


def test_an_id_is_its_prefix_and_26_characters():
    assert time_sorted_id("job", EPOCH, bytes(10)) == "job_" + "0" * 26
    assert time_sorted_id("job", EPOCH + MILLISECOND, b"\xff" * 10) == "job_0000000001" + "z" * 16


def test_a_derived_id_stays_the_same_in_every_release():
    """Receivers deduplicate by event ids, so a change here breaks them."""
    digest = hashlib.sha256(b"job_1\0" + b"3\0job.succeeded").digest()
    assert number_of(derived_id("evt", "job_1", 3, "job.succeeded")) == int.from_bytes(digest[:16], "big")
    assert derived_id("evt", "job_1", 3, "job.succeeded") == "evt_0vwhysgssd770t67efg3qrrnsb"


def test_parts_are_told_apart():
    assert len({derived_id("evt", *parts) for parts in (("a", "bc"), ("ab", "c"), ("abc",), ("a", "b", "c"))}) == 4


def test_the_prefix_is_no_part_of_the_text():
    assert text_of(derived_id("evt", "a")) == text_of(derived_id("dlv", "a"))


@given(datetimes, entropies, parts)
def test_every_id_has_26_characters_of_the_alphabet(at, entropy, some):
    for identifier in (
        time_sorted_id("job", at, entropy),
        derived_id("evt", *some),
        derived_sorted_id("dlv", at, 1, *some),
    ):
        assert len(text_of(identifier)) == 26
        assert set(text_of(identifier)) <= set(ALPHABET)


@given(datetimes, datetimes, entropies, entropies)
def test_ids_sort_by_time(one, other, entropy, another):
    first, second = time_sorted_id("job", one, entropy), time_sorted_id("job", other, another)
    if abs(one - other) >= MILLISECOND:
        assert (first < second) == (one < other)


@given(datetimes, entropies)
def test_an_id_holds_the_unix_milliseconds_and_80_bits_of_entropy(at, entropy):
    identifier = time_sorted_id("job", at, entropy)
    assert milliseconds_of(identifier) == (at - EPOCH) // MILLISECOND
    assert number_of(identifier) % 2**80 == int.from_bytes(entropy[:10], "big")


@given(entropies, entropies)
def test_ids_of_one_moment_differ_by_their_entropy(entropy, another):
    is_same = time_sorted_id("job", NOW, entropy) == time_sorted_id("job", NOW, another)
    assert is_same == (entropy[:10] == another[:10])


@given(parts, parts, datetimes)
def test_derived_ids_are_a_function_of_their_parts(some, others, at):
    is_same = list(map(str, some)) == list(map(str, others))
    assert (derived_id("evt", *some) == derived_id("evt", *others)) == is_same
    assert (derived_sorted_id("dlv", at, 1, *some) == derived_sorted_id("dlv", at, 1, *others)) == is_same


@given(datetimes, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), parts, parts)
def test_derived_ids_of_one_moment_sort_by_their_order(at, order, another, some, others):
    first, second = derived_sorted_id("dlv", at, order, *some), derived_sorted_id("dlv", at, another, *others)
    assert order == another or (first < second) == (order < another)


def test_an_order_beyond_its_bits_is_the_last():
    assert derived_sorted_id("dlv", NOW, 10**6, "a") == derived_sorted_id("dlv", NOW, 0xFFFF, "a")
