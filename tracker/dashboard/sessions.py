"""Sessions: the viewer's API key, sealed in a cookie. Nothing of them is stored here."""

from __future__ import annotations

import base64
import hmac
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tracker.rules.addresses import literal_address

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request
    from starlette.responses import Response

    from tracker.surroundings import Surroundings

COOKIE = "tracker_session"
LASTS = timedelta(days=7)
LINK_LASTS = timedelta(hours=1)
_KEY_BYTES = 32
_CODE_BYTES = 32


class Sessions:
    """Seals keys into cookies and opens them again, for all who hold the same secret."""

    def __init__(self, secret: str, surroundings: Surroundings) -> None:
        self._fernet = Fernet(_base64(_derived(secret, b"tracker dashboard session")))
        self._form_key = _derived(secret, b"tracker dashboard form")
        self._surroundings = surroundings

    def seal(self, key: str) -> str:
        """A session of this key."""
        return self._fernet.encrypt_at_time(key.encode(), self._seconds()).decode().rstrip("=")

    def open(self, session: str) -> str | None:
        """The key of a session, unless that is over or not one of ours."""
        token = (session + "=" * (-len(session) % 4)).encode()
        try:
            return self._fernet.decrypt_at_time(token, int(LASTS.total_seconds()), self._seconds()).decode()
        except (InvalidToken, UnicodeError):
            return None

    def form_token(self, session: str) -> str:
        """What a form of this session carries, so that no other page can send it."""
        return hmac.new(self._form_key, session.encode(), "sha256").hexdigest()

    def is_form_token(self, session: str, token: str) -> bool:
        """Whether a form was made for this session."""
        return hmac.compare_digest(self.form_token(session).encode(), token.encode())

    def _seconds(self) -> int:
        return int(self._surroundings.now().timestamp())


class LoginLinks:
    """Codes that open a session once, within an hour, so that no key is in an address."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._made: dict[str, tuple[str, datetime]] = {}

    def code_for(self, key: str) -> str:
        """A code that stands for this key, once."""
        code = _base64(self._surroundings.entropy(_CODE_BYTES)).decode().rstrip("=")
        self._made[code] = key, self._surroundings.now()
        return code

    def take(self, code: str) -> str | None:
        """The key that a code stands for, unless it was taken before or is over."""
        key, made_at = self._made.pop(code, (None, None))
        is_fresh = made_at is not None and self._surroundings.now() - made_at <= LINK_LASTS
        return key if is_fresh else None


def give(response: Response, request: Request, session: str) -> None:
    """Lets the browser keep a session: over https, or plainly where nothing leaves this machine."""
    response.set_cookie(
        COOKIE,
        session,
        max_age=int(LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=not is_local(request),
    )


def take_away(response: Response) -> None:
    """Lets the browser forget its session."""
    response.delete_cookie(COOKIE, httponly=True, samesite="strict")


def is_local(request: Request) -> bool:
    """Whether the browser reached this by plain http at a loopback name, as the page's address says."""
    host = request.url.hostname or ""
    address = literal_address(host)
    is_loopback = host.lower() == "localhost" if address is None else address.is_loopback
    return is_loopback and request.url.scheme == "http"


def _derived(secret: str, purpose: bytes) -> bytes:
    return HKDF(SHA256(), _KEY_BYTES, salt=None, info=purpose).derive(secret.encode())


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data)
