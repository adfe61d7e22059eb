"""OpenAI's SDK, which verifies webhooks of the same form by code of its own."""

import pytest

openai = pytest.importorskip("openai", reason="openai is not installed: uv run --group strangers pytest -m strangers")
pytestmark = pytest.mark.strangers


@pytest.fixture(scope="module")
def webhooks():
    with openai.OpenAI(api_key="none", base_url="http://127.0.0.1:1") as client:
        yield client.webhooks


def test_each_secret_verifies(signed, webhooks):
    for secret in signed.secrets:
        webhooks.verify_signature(signed.body, dict(signed.headers), secret=secret)


def test_another_secret_does_not_verify_nor_does_another_body(signed, webhooks):
    with pytest.raises(openai.InvalidWebhookSignatureError):
        webhooks.verify_signature(signed.body, dict(signed.headers), secret=signed.stale)
    with pytest.raises(openai.InvalidWebhookSignatureError):
        webhooks.verify_signature(signed.body + b" ", dict(signed.headers), secret=signed.secrets[0])
