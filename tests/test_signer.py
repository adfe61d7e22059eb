"""What is sealed is opened where an attempt is signed, and there once."""

from collections import Counter

import pytest

from store.records import ClaimedDelivery, Secret
from store.vault import SealedError, Vault
from tests.store.builders import NOW, at, new_subscription, new_test
from tracker.rules.signing import new_private_key, private_key_of
from tracker.signer import Signer

KEY = bytes(range(32))
OLD, NEW, CALLBACK = ("whsec_" + letters * 8 for letters in ("b2xk", "bmV3", "bWlu"))
BOTH = [(NEW, None), (OLD, at(60))]


class CountingVault(Vault):
    """Counts what it opens."""

    def __init__(self, keys):
        super().__init__(keys)
        self.opened = Counter()

    def open(self, sealed):
        self.opened[sealed] += 1
        return super().open(sealed)


@pytest.fixture
def vault():
    return CountingVault([KEY])


@pytest.fixture
def signer(vault):
    return Signer(vault, CALLBACK, private_key_of(new_private_key(KEY)))


def a_claim(vault, headers=(), secrets=BOTH, **changes):
    subscription = new_subscription()
    _, delivery = new_test(subscription)
    sealed = tuple(Secret(vault.seal(value), expires_at) for value, expires_at in secrets)
    own = {name: vault.seal(value) for name, value in headers}
    return ClaimedDelivery(delivery, subscription.callback_url, b"{}", sealed, own, **changes)


def test_each_text_is_opened_once_for_many_attempts(signer, vault):
    claimed = a_claim(vault, [("authorization", "Bearer hush")])
    for second in range(5):
        assert signer.headers(claimed, b"{}", at(second))["authorization"] == "Bearer hush"
    assert list(vault.opened.values()) == [1, 1, 1]


def test_expired_secret_is_not_even_opened(signer, vault):
    claimed = a_claim(vault)
    assert signer.headers(claimed, b"{}", at(60))["webhook-signature"].count(",") == 1
    assert list(vault.opened) == [claimed.secrets[0].value]


def test_callback_of_a_job_is_signed_by_the_services_secret_and_nothing_is_opened(signer, vault):
    by_callback = signer.headers(a_claim(vault, secrets=()), b"{}", NOW)["webhook-signature"]
    assert not vault.opened
    assert by_callback == signer.headers(a_claim(vault, secrets=[(CALLBACK, None)]), b"{}", NOW)["webhook-signature"]


def test_subscription_whose_secrets_all_expired_is_not_signed_by_the_services_secret(signer, vault):
    assert signer.headers(a_claim(vault, secrets=[(OLD, at(-1))]), b"{}", NOW)["webhook-signature"] == ""


def test_our_headers_go_before_those_of_the_subscription(signer, vault):
    own = [("User-Agent", "another"), ("X-Team", "a")]
    headers = signer.headers(a_claim(vault, own), b"{}", NOW)
    assert headers["user-agent"].startswith("tracker/")
    assert headers["x-team"] == "a"
    assert len(headers) == len({name.lower() for name in headers})


def test_secret_that_cannot_be_opened_is_an_error_that_does_not_show_it(signer):
    claimed = a_claim(Vault([bytes(32)]))
    with pytest.raises(SealedError) as error:
        signer.headers(claimed, b"{}", NOW)
    assert claimed.secrets[0].value.partition(":")[2] not in str(error.value)
