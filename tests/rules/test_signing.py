"""Signatures are checked by the official library of Standard Webhooks, not by ours."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from store.records import Secret
from tracker.rules.signing import LONGEST, NEW_SECRET_BYTES, PREFIX, SHORTEST, new_secret, secret_flaw, signed_headers

from .strategies import NOW, at, datetimes

PRESENT = datetime.now(UTC)
"""The official verifier refuses old timestamps by the real clock, so what it verifies is signed at the real time."""

ID = "evt_0123456789abcdefghjkmnpqrs"


def secret_of(key):
    return PREFIX + base64.b64encode(key).decode()


keys = st.binary(min_size=SHORTEST, max_size=LONGEST)
secrets = keys.map(secret_of)
bodies = st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False) | st.none()).map(orjson.dumps)
OLD, NEW, OTHER = (secret_of(bytes([fill]) * NEW_SECRET_BYTES) for fill in (1, 2, 3))


def signed(body, *secrets, now=PRESENT):
    return signed_headers(ID, body, secrets, "1.2.3", now)


def is_verified(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_the_headers_are_those_of_the_contract():
    assert signed(b"{}", Secret(NEW), now=NOW + timedelta(milliseconds=999)) == {
        "webhook-id": ID,
        "webhook-timestamp": str(int(NOW.timestamp())),
        "webhook-signature": Webhook(NEW).sign(ID, NOW, "{}"),
        "content-type": "application/json",
        "user-agent": "tracker/1.2.3",
    }


def test_the_example_of_the_specification_is_signed_the_same():
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        b'{"test": 2432232314}',
        [Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")],
        "1",
        datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_both_secrets_sign_during_a_rotation():
    headers = signed(b"{}", Secret(NEW), Secret(OLD, PRESENT + timedelta(hours=24)))
    assert is_verified(NEW, b"{}", headers)
    assert is_verified(OLD, b"{}", headers)
    assert headers["webhook-signature"].count("v1,") == 2


@pytest.mark.parametrize("ago", [0, 1, 3600])
def test_an_expired_secret_no_longer_signs(ago):
    headers = signed(b"{}", Secret(NEW), Secret(OLD, PRESENT - timedelta(seconds=ago)))
    assert is_verified(NEW, b"{}", headers)
    assert not is_verified(OLD, b"{}", headers)


def test_a_stranger_does_not_verify():
    assert not is_verified(OTHER, b"{}", signed(b"{}", Secret(NEW)))


def test_a_new_secret_has_33_bytes():
    secret = new_secret(bytes(range(64)))
    assert secret == secret_of(bytes(range(33)))
    assert secret_flaw(secret) is None


@given(secrets, bodies)
def test_the_official_library_verifies_any_body_under_any_secret(secret, body):
    assert Webhook(secret).verify(body, signed(body, Secret(secret))) == orjson.loads(body)


@given(secrets, st.text(), datetimes)
def test_the_signature_is_that_of_the_official_library(secret, text, now):
    headers = signed(text.encode(), Secret(secret), now=now)
    assert headers["webhook-signature"] == Webhook(secret).sign(ID, now, text)


@given(keys, st.binary())
def test_any_bytes_are_signed_as_they_are(key, body):
    content = b"%s.%d.%s" % (ID.encode(), NOW.timestamp(), body)
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert signed(body, Secret(secret_of(key)), now=NOW)["webhook-signature"] == f"v1,{expected}"


@given(bodies, bodies)
def test_another_body_is_not_verified(body, other):
    assert is_verified(NEW, other, signed(body, Secret(NEW))) == (body == other)


@given(st.lists(st.none() | st.integers(-100, 100), max_size=6))
def test_just_the_secrets_that_have_not_expired_sign(expiries):
    some = [
        Secret(secret_of(bytes([index]) * 24), None if end is None else at(end)) for index, end in enumerate(expiries)
    ]
    valid = [secret for secret in some if secret.expires_at is None or secret.expires_at > NOW]
    told = signed(b"{}", *some, now=NOW)["webhook-signature"].split()
    assert told == [Webhook(secret.value).sign(ID, NOW, "{}") for secret in valid]


@pytest.mark.parametrize(("size", "is_fit"), [(0, False), (23, False), (24, True), (33, True), (64, True), (65, False)])
def test_a_secret_that_is_too_short_or_too_long_is_refused(size, is_fit):
    assert (secret_flaw(secret_of(bytes(size))) is None) == is_fit


@given(st.binary(max_size=100))
def test_a_secret_of_24_to_64_bytes_is_accepted_and_no_other(key):
    assert (secret_flaw(secret_of(key)) is None) == (24 <= len(key) <= 64)


@given(st.text())
def test_any_text_is_judged_without_a_crash(text):
    for secret in (text, PREFIX + text):
        flaw = secret_flaw(secret)
        assert flaw is None or flaw.endswith(".")


@given(keys)
def test_a_secret_without_its_prefix_or_padding_is_refused(key):
    encoded = base64.b64encode(key).decode()
    assert secret_flaw(encoded)
    assert secret_flaw("WHSEC_" + encoded)
    assert secret_flaw(PREFIX + encoded + "=")
    assert len(key) % 3 == 0 or secret_flaw(PREFIX + encoded.rstrip("="))


@pytest.mark.parametrize(
    "tail",
    [
        base64.urlsafe_b64encode(b"\xff" * 33).decode(),
        base64.b64encode(b"a" * 33).decode() + "\n",
        " " + base64.b64encode(b"a" * 33).decode(),
        base64.b64encode(b"a" * 24).decode() + "é",
        base64.b64encode(b"a" * 25).decode() + base64.b64encode(b"a" * 24).decode(),
        "=" * 32,
        "",
        PREFIX + base64.b64encode(b"a" * 33).decode(),
    ],
)
def test_a_secret_that_is_not_standard_base64_is_refused(tail):
    assert secret_flaw(PREFIX + tail)


def test_no_refusal_repeats_the_secret():
    assert "QUJD" not in secret_flaw("whsec_QUJDREVG")
