"""Signatures are checked by the official library of Standard Webhooks, not by ours."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from tracker.rules.signing import (
    LONGEST,
    NEW_SECRET_BYTES,
    PREFIX,
    SHORTEST,
    SigningKeys,
    new_private_key,
    new_secret,
    private_key_of,
    public_key_of,
    secret_flaw,
    signed_headers,
)

from .strategies import NOW, datetimes

"""The official verifier refuses old timestamps by the real clock, so what it verifies is signed at the real time."""

ID = "evt_0123456789abcdefghjkmnpqrs"


def secret_of(key):
    return PREFIX + base64.b64encode(key).decode()


keys = st.binary(min_size=SHORTEST, max_size=LONGEST)
secrets = keys.map(secret_of)
bodies = st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False) | st.none()).map(orjson.dumps)
OLD, NEW, OTHER = (secret_of(bytes([fill]) * NEW_SECRET_BYTES) for fill in (1, 2, 3))


def signed(body, *secrets, private_key=None, now=None):
    """Headers of this moment, unless told otherwise: the official library refuses what is five minutes old."""
    return signed_headers(ID, body, SigningKeys(secrets, private_key), "1.2.3", now or datetime.now(UTC))


def is_verified(secret, body, headers):
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


def test_the_headers_are_those_of_the_contract():
    assert signed(b"{}", NEW, now=NOW + timedelta(milliseconds=999)) == {
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
        SigningKeys(("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",)),
        "1",
        datetime.fromtimestamp(1614265330, UTC),
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_each_secret_signs_in_their_order():
    now = datetime.now(UTC)
    headers = signed(b"{}", NEW, OLD, now=now)
    assert is_verified(NEW, b"{}", headers)
    assert is_verified(OLD, b"{}", headers)
    assert headers["webhook-signature"].split(" ") == [Webhook(secret).sign(ID, now, "{}") for secret in (NEW, OLD)]


def test_a_stranger_does_not_verify():
    assert not is_verified(OTHER, b"{}", signed(b"{}", NEW))


def test_a_new_secret_has_33_bytes():
    secret = new_secret(bytes(range(64)))
    assert secret == secret_of(bytes(range(33)))
    assert secret_flaw(secret) is None


@given(secrets, bodies)
def test_the_official_library_verifies_any_body_under_any_secret(secret, body):
    assert Webhook(secret).verify(body, signed(body, secret)) == orjson.loads(body)


@given(secrets, st.text(), datetimes)
def test_the_signature_is_that_of_the_official_library(secret, text, now):
    headers = signed(text.encode(), secret, now=now)
    assert headers["webhook-signature"] == Webhook(secret).sign(ID, now, text)


@given(keys, st.binary())
def test_any_bytes_are_signed_as_they_are(key, body):
    content = b"%s.%d.%s" % (ID.encode(), NOW.timestamp(), body)
    expected = base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    assert signed(body, secret_of(key), now=NOW)["webhook-signature"] == f"v1,{expected}"


@given(bodies, bodies)
def test_another_body_is_not_verified(body, other):
    assert is_verified(NEW, other, signed(body, NEW)) == (body == other)


def test_the_ed25519_example_of_the_reference_library_is_signed_the_same():
    keys = SigningKeys((), private_key_of("whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="))
    at_that_time = datetime.fromtimestamp(1614265330, UTC)
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", b'{"test": 2432232314}', keys, "1", at_that_time)
    expected = "tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
    assert headers["webhook-signature"] == f"v1a,{expected}"


@given(st.binary(min_size=32, max_size=32), bodies)
def test_the_ed25519_signature_comes_last_and_verifies_with_the_public_key(seed, body):
    private_key = private_key_of(new_private_key(seed))
    headers = signed(body, NEW, private_key=private_key)
    by_hmac, by_ed25519 = headers["webhook-signature"].split(" ")
    assert by_hmac == signed(body, NEW)["webhook-signature"]
    public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key_of(private_key).removeprefix("whpk_")))
    content = f"{ID}.{headers['webhook-timestamp']}.".encode() + body
    public_key.verify(base64.b64decode(by_ed25519.removeprefix("v1a,")), content)
    with pytest.raises(InvalidSignature):
        public_key.verify(base64.b64decode(by_ed25519.removeprefix("v1a,")), content + b" ")


def test_a_private_key_has_32_bytes_and_stays_out_of_every_text_form():
    text = new_private_key(bytes(range(64)))
    assert text == "whsk_" + base64.b64encode(bytes(range(32))).decode()
    keys = SigningKeys((NEW,), private_key_of(text))
    assert NEW not in repr(keys)
    assert text.removeprefix("whsk_") not in repr(keys)


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
