"""How an API key is made and kept, and what it may do."""

import re

from hypothesis import given
from hypothesis import strategies as st

from store.records import Scope
from tracker.rules.keys import NEW_KEY_BYTES, allows, key_digest, last_characters, new_key

ENTROPY = st.binary(min_size=NEW_KEY_BYTES, max_size=NEW_KEY_BYTES)


@given(ENTROPY, ENTROPY)
def test_key_holds_all_its_entropy_and_fits_a_header(one, other):
    assert re.fullmatch(r"trk_[A-Za-z0-9_-]{43}", new_key(one))
    assert (new_key(one) == new_key(other)) is (one == other)


@given(ENTROPY)
def test_what_is_kept_of_a_key_is_not_the_key(entropy):
    key = new_key(entropy)
    assert re.fullmatch(r"[0-9a-f]{64}", key_digest(key))
    assert key.endswith(last_characters(key))
    assert len(last_characters(key)) == 4


def test_each_scope_allows_what_the_ones_below_it_do():
    ranked = (Scope.READ, Scope.WRITE, Scope.ADMIN)
    assert set(ranked) == set(Scope)
    for number, granted in enumerate(ranked):
        assert [allows(granted, needed) for needed in ranked] == [place <= number for place in range(3)]
