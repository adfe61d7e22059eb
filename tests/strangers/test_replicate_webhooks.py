"""Replicate's SDK, which verifies webhooks of the same form by code of its own."""

import pytest

replicate = pytest.importorskip(
    "replicate.webhook", reason="replicate is not installed: uv run --group strangers pytest -m strangers"
)
pytestmark = pytest.mark.strangers
TOLERANCE = 300


def validate(signed, secret, body=None):
    key = replicate.WebhookSigningSecret(key=secret)
    replicate.Webhooks.validate(
        headers=dict(signed.headers), body=(body or signed.body).decode(), secret=key, tolerance=TOLERANCE
    )


def test_each_secret_verifies(signed):
    for secret in signed.secrets:
        validate(signed, secret)


def test_another_secret_does_not_verify_nor_does_another_body(signed):
    with pytest.raises(replicate.InvalidSignatureError):
        validate(signed, signed.stale)
    with pytest.raises(replicate.InvalidSignatureError):
        validate(signed, signed.secrets[0], signed.body + b" ")
