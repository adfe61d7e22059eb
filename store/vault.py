"""Seals what must not lie in the database as it is: signing secrets, and the values of custom headers.

A sealed text is `§<key>:<token>`: eight hex digits that tell the key (the beginning of its SHA-256), and a Fernet token
(AES-128-CBC and HMAC-SHA-256). What is sealed is ASCII or JSON, so no plain text begins with `§`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from store.errors import StoreError
from store.records import Sealed

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_BYTES = 32
MAKE_A_KEY = 'python3 -c "import secrets; print(secrets.token_urlsafe(32))"'
"""A command that prints a key, on any machine with Python."""

_MARK = "§"
_SEALED = re.compile(_MARK + r"([0-9a-f]{8}):(.+)", re.ASCII)


class SealedError(StoreError):
    """A sealed text cannot be opened: its key is not there, or the text was changed."""


class Vault:
    """Seals texts under the first of its keys, and opens what was sealed under any of them.

    Without keys it leaves texts as they are. Plain texts are opened as they are in any case.
    """

    def __init__(self, keys: Iterable[bytes] = ()) -> None:
        self._keys = {_name_of(key): Fernet(base64.urlsafe_b64encode(key)) for key in keys}
        self._first = next(iter(self._keys), None)

    def seal(self, text: str) -> Sealed:
        """The text as it is to be stored; each time another."""
        if self._first is None:
            return Sealed(text)
        token = self._keys[self._first].encrypt(text.encode()).decode()
        return Sealed(f"{_MARK}{self._first}:{token}")

    def open(self, sealed: Sealed) -> str:
        """The text that was sealed. Raises SealedError."""
        name, token = _parts_of(sealed)
        if name is None:
            return sealed
        if name not in self._keys:
            raise SealedError(self._way_out(name))
        try:
            return self._keys[name].decrypt(token).decode()
        except InvalidToken as error:
            message = f"A secret in the database was changed since it was encrypted under the key {name}; restore it."
            raise SealedError(message) from error

    def renew(self, sealed: Sealed) -> Sealed:
        """The text as it is to be stored now; itself, unless it is plain or under another key. Raises SealedError."""
        return sealed if _parts_of(sealed)[0] == self._first else self.seal(self.open(sealed))

    def _way_out(self, name: str) -> str:
        lacking = f"The database holds secrets that were encrypted under a key (fingerprint {name}) that "
        if self._keys:
            return lacking + "TRACKER_ENCRYPTION_KEY does not name. Add it behind the others, parted by a comma."
        return lacking + "is not there. Set TRACKER_ENCRYPTION_KEY to it."


def vault_of(secret: str) -> Vault:
    """A vault with a key made of a long random secret, such as an API key: whoever shows that again can open it."""
    return Vault([HKDF(SHA256(), KEY_BYTES, salt=None, info=b"tracker vault").derive(secret.encode())])


def key_from(text: str) -> bytes:
    """The key that a text in base64 tells, in either alphabet, with or without its padding.

    Raises ValueError, which says what is wrong but not the key.
    """
    standard = text.strip().translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        key = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        message = f"a key is {KEY_BYTES} random bytes in base64. Make one by {MAKE_A_KEY}"
        raise ValueError(message)
    return key


def _name_of(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()[:8]


def _parts_of(sealed: Sealed) -> tuple[str | None, str]:
    """The name of the key, and the token; None for a plain text."""
    found = _SEALED.fullmatch(sealed)
    return (found[1], found[2]) if found else (None, sealed)
