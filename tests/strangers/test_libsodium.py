"""libsodium, by PyNaCl, verifies the ed25519 signatures: other code than that which signs."""

import base64

import pytest

signing = pytest.importorskip(
    "nacl.signing", reason="pynacl is not installed: uv run --group strangers pytest -m strangers"
)
exceptions = pytest.importorskip("nacl.exceptions")
pytestmark = pytest.mark.strangers


@pytest.mark.parametrize("mode", ["ed25519 beside one secret", "ed25519 beside two secrets"])
def test_public_key_verifies_and_verifies_nothing_else(collected, mode):
    signed = collected[mode]
    key = signing.VerifyKey(base64.b64decode(signed.public_key.removeprefix("whpk_")))
    (signature,) = (part[4:] for part in signed.headers["webhook-signature"].split(" ") if part.startswith("v1a,"))
    content = f"{signed.headers['webhook-id']}.{signed.headers['webhook-timestamp']}.".encode() + signed.body
    assert key.verify(content, base64.b64decode(signature)) == content
    with pytest.raises(exceptions.BadSignatureError):
        key.verify(content + b" ", base64.b64decode(signature))
