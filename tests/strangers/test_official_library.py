"""The official library of Standard Webhooks verifies what the service sends, however it is signed."""

import base64
import json

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks import Webhook, WebhookVerificationError

from tracker.rules.payload import LARGEST_FULL_BODY


def test_each_secret_verifies(signed):
    for secret in signed.secrets:
        assert Webhook(secret).verify(signed.body, dict(signed.headers)) == json.loads(signed.body)


def test_another_secret_does_not_verify_nor_does_another_body(signed):
    with pytest.raises(WebhookVerificationError):
        Webhook(signed.stale).verify(signed.body, dict(signed.headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(signed.secrets[0]).verify(signed.body.replace(b"job", b"jab"), dict(signed.headers))


def test_header_holds_a_signature_for_each_key_and_no_more(signed):
    schemes = [part.partition(",")[0] for part in signed.headers["webhook-signature"].split(" ")]
    assert schemes == ["v1"] * len(signed.secrets) + ["v1a"] * (signed.public_key is not None)


def test_public_key_verifies_what_asks_for_ed25519(signed):
    if signed.public_key is None:
        assert "v1a" not in signed.headers["webhook-signature"]
        return
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signed.public_key.removeprefix("whpk_")))
    (signature,) = (part[4:] for part in signed.headers["webhook-signature"].split(" ") if part.startswith("v1a,"))
    content = f"{signed.headers['webhook-id']}.{signed.headers['webhook-timestamp']}.".encode() + signed.body
    key.verify(base64.b64decode(signature, validate=True), content)
    with pytest.raises(InvalidSignature):
        key.verify(base64.b64decode(signature), content + b" ")


def test_modes_are_what_they_are_called(collected):
    assert len(collected["two secrets"].secrets) == 2
    assert "url" in json.loads(collected["a thin payload"].body)["data"]["job"]
    assert json.loads(collected["a truncated payload"].body)["data"]["truncated"] is True
    assert len(collected["a truncated payload"].body) < LARGEST_FULL_BODY
    assert collected["custom headers"].headers["authorization"] == "Bearer xyz"
    assert collected["custom headers"].headers["user-agent"].startswith("tracker/")
