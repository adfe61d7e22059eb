"""Calls that are carried out once, however often they are repeated: `Idempotency-Key`.

What is under way is known in memory alone, so a process that dies blocks nothing. What was answered is stored: where a
call makes something new, in the same transaction, so that a repeat after a crash finds either both or neither. The
other calls come to the same when they are carried out again.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from starlette.responses import Response

from store.answers import AlreadyAnsweredError
from store.records import KeptAnswer
from tracker.api.auth import caller_of
from tracker.api.bodies import bytes_of
from tracker.api.context import context_of
from tracker.api.problems import ApiError, wrong_header

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from store.answers import Answers
    from tracker.api.calls import Call
    from tracker.surroundings import Surroundings

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[!-~]{1,255}")
_NOT_KEPT = ("content-length",)


class Vault(Protocol):
    """What seals answers that hold a secret, and opens them again."""

    def seal(self, data: bytes) -> bytes:
        """The data as nobody else can read it."""

    def open(self, data: bytes) -> bytes:
        """What was sealed."""


class Idempotency:
    """The answers of calls that came with a key. Without a vault the body of one that holds a secret is not kept."""

    def __init__(self, answers: Answers, surroundings: Surroundings, vault: Vault | None = None) -> None:
        self._answers = answers
        self._surroundings = surroundings
        self._vault = vault
        self._under_way: dict[tuple[str, str], str] = {}

    async def answer(self, request: Request, call: Call) -> Response:
        """Carries a call out, or answers as it was answered before. Raises ApiError: 409, 422, or the call's own."""
        key = _key_of(request)
        if key is None:
            return await call.handle(request)
        caller, digest = caller_of(request).id, await _digest(request)
        self._refuse_what_is_under_way(caller, key, digest)
        self._under_way[caller, key] = digest
        try:
            repeated = await self._repeated(caller, key, digest)
            return repeated or await self._carried_out(request, call, _Once(caller, key, digest, call.shows_secret))
        finally:
            del self._under_way[caller, key]

    async def forget_expired(self, limit: int) -> int:
        """Deletes up to so many answers that have been kept long enough, and counts them."""
        return await self._answers.forget(self._surroundings.now(), limit)

    def kept(self, once: _Once, response: Response) -> KeptAnswer:
        """An answer as it is stored."""
        packed = zlib.compress(bytes(response.body), level=1)
        sealed = self._vault.seal(packed) if self._vault and once.is_secret else None
        body = sealed if once.is_secret else packed
        headers = {name: value for name, value in response.headers.items() if name not in _NOT_KEPT}
        now: datetime = self._surroundings.now()
        return KeptAnswer(once.caller, once.key, once.digest, now, response.status_code, headers, body, once.is_secret)

    async def _carried_out(self, request: Request, call: Call, once: _Once) -> Response:
        request.state.once = once
        try:
            response = await call.handle(request)
            # A refusal has changed nothing and is found again; a fault may be over the next time.
            if response.status_code < 300 and not once.is_kept:
                await self._answers.keep(self.kept(once, response))
        except AlreadyAnsweredError:
            # Another process was faster with the same call.
            repeated = await self._repeated(once.caller, once.key, once.digest)
            if repeated is None:
                raise
            return repeated
        return response

    async def _repeated(self, caller: str, key: str, digest: str) -> Response | None:
        kept = await self._answers.find(caller, key, self._surroundings.now())
        if kept is None:
            return None
        if kept.request != digest:
            raise _used_otherwise(key)
        body = self._opened(kept)
        if body is None:
            raise ApiError(409, _withheld(kept), headers=_location(kept))
        return Response(zlib.decompress(body), kept.status, {**kept.headers, "idempotent-replayed": "true"})

    def _opened(self, kept: KeptAnswer) -> bytes | None:
        if kept.body is None or not kept.is_sealed:
            return kept.body
        return self._vault.open(kept.body) if self._vault else None

    def _refuse_what_is_under_way(self, caller: str, key: str, digest: str) -> None:
        known = self._under_way.get((caller, key))
        if known is not None and known != digest:
            raise _used_otherwise(key)
        if known is not None:
            detail = f"The call with the {HEADER} {key!r} is under way; repeat it when it has been answered."
            raise ApiError(409, detail, headers={"retry-after": "1"})


@dataclass(slots=True)
class _Once:
    """A call with a key while it is carried out."""

    caller: str
    key: str
    digest: str
    is_secret: bool
    is_kept: bool = False


def answer_to_keep(request: Request, response: Response) -> KeptAnswer | None:
    """For calls that make something new: what is to be stored along with it, in the same transaction."""
    once: _Once | None = getattr(request.state, "once", None)
    if once is None:
        return None
    once.is_kept = True
    return context_of(request).idempotency.kept(once, response)


def _key_of(request: Request) -> str | None:
    given = request.headers.getlist(HEADER)
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise wrong_header(HEADER, f"Give one {HEADER} of 1 to 255 visible ASCII characters, such as a UUID.")
    return given[0]


async def _digest(request: Request) -> str:
    """What tells a call from every other: its method, path, query and body, byte for byte."""
    line = f"{request.method}\n{request.url.path}\n{request.url.query}\n"
    return hashlib.sha256(line.encode() + await bytes_of(request)).hexdigest()


def _used_otherwise(key: str) -> ApiError:
    detail = f"{key!r} was used for another call, or with another body, within 24 hours; use a new key."
    return wrong_header(HEADER, detail)


def _withheld(kept: KeptAnswer) -> str:
    return (
        f"This call was carried out, and answered with HTTP {kept.status}. The answer held a secret, and such ones are "
        "kept only with TRACKER_ENCRYPTION_KEY. What was made is where Location says: remove it, and use a new key."
    )


def _location(kept: KeptAnswer) -> dict[str, str]:
    return {name: value for name, value in kept.headers.items() if name == "location"}
