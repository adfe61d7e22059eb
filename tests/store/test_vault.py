"""What is sealed can be opened with its key, and with nothing else."""

import base64
import re
import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.vault import KEY_BYTES, MAKE_A_KEY, SealedError, Vault, key_from, vault_of

OLD, NEW, OTHER = (bytes([fill]) * KEY_BYTES for fill in (1, 2, 3))
SECRET = "whsec_" + base64.b64encode(bytes(33)).decode()
keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)
plain_texts = st.text().filter(lambda text: not text.startswith("§"))


@given(plain_texts, st.lists(keys, max_size=3, unique=True))
def test_text_that_is_sealed_is_opened_again(text, some):
    vault = Vault(some)
    assert vault.open(vault.seal(text)) == text


@given(st.text(min_size=20), keys)
def test_sealed_text_does_not_show_what_it_seals_and_is_another_each_time(text, key):
    sealed, again = (Vault([key]).seal(text) for _ in range(2))
    assert text not in sealed
    assert sealed != again


def test_vault_without_keys_leaves_texts_as_they_are():
    assert Vault().seal(SECRET) == SECRET


def test_first_key_seals_and_each_opens():
    sealed = Vault([OLD]).seal(SECRET)
    both = Vault([NEW, OLD])
    assert both.open(sealed) == SECRET
    assert Vault([NEW]).open(both.seal(SECRET)) == SECRET


def test_text_is_renewed_unless_the_first_key_sealed_it():
    plain, old, new = (Vault(some).seal(SECRET) for some in ([], [OLD], [NEW]))
    renewed = [Vault([NEW, OLD]).renew(text) for text in (plain, old, new)]
    assert [Vault([NEW]).open(text) for text in renewed] == [SECRET] * 3
    assert [plain in text for text in renewed] == [False] * 3
    assert renewed[2] == new
    assert Vault().renew(plain) == plain


def test_plain_text_is_opened_by_a_vault_with_keys():
    assert Vault([NEW]).open(Vault().seal(SECRET)) == SECRET


@pytest.mark.parametrize(
    ("vault", "way_out"),
    [
        (Vault([NEW, OLD]), "that TRACKER_ENCRYPTION_KEY does not name. Add it behind the others"),
        (Vault(), "is not there. Set TRACKER_ENCRYPTION_KEY to it."),
    ],
)
def test_text_under_a_key_that_is_not_there_is_refused_with_the_way_out(vault, way_out):
    sealed = Vault([OTHER]).seal(SECRET)
    for refuse in (vault.open, vault.renew):
        with pytest.raises(SealedError) as error:
            refuse(sealed)
        assert way_out in str(error.value)
        assert sealed[1:9] in str(error.value)
        assert sealed[10:] not in str(error.value)


def test_text_that_was_changed_is_refused():
    sealed = Vault([NEW]).seal(SECRET)
    for changed in (sealed[:-1], sealed[:-8] + "AAAAAAA=", sealed[:10] + "x"):
        with pytest.raises(SealedError, match="was changed since"):
            Vault([NEW]).open(changed)


def test_text_of_a_vault_shows_no_key():
    assert base64.b64encode(NEW).decode()[:8] not in repr(Vault([NEW])) + str(vars(Vault([NEW])))


def test_vault_of_a_secret_is_opened_by_whoever_shows_it_again():
    sealed = vault_of("a key of the API").seal("an answer")
    assert vault_of("a key of the API").open(sealed) == "an answer"
    with pytest.raises(SealedError):
        vault_of("another key").open(sealed)


@given(keys)
def test_key_is_read_in_any_spelling_of_base64(key):
    for spelled in (base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode()):
        for text in (spelled, spelled.rstrip("="), f" {spelled} "):
            assert key_from(text) == key


@pytest.mark.parametrize(
    "text", ["", "hush", "hush " * 9, "a" * 42, "a" * 44, base64.b64encode(b"hush" * 12).decode(), "ü" * 43]
)
def test_what_is_no_key_is_refused_with_the_way_to_make_one_and_is_not_repeated(text):
    with pytest.raises(ValueError, match="32 random bytes in base64") as error:
        key_from(text)
    assert MAKE_A_KEY in str(error.value)
    assert not text or text not in str(error.value)


def test_command_that_makes_a_key_makes_one():
    made = [subprocess.check_output(shlex.split(MAKE_A_KEY), text=True) for _ in range(2)]  # noqa: S603 - our own command
    assert len({key_from(line) for line in made}) == 2
    assert re.fullmatch(r"[\w-]{43}\n", made[0])
