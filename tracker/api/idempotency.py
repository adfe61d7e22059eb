"""Calls that are carried out once, however often they are repeated: `Idempotency-Key`.

What is under way is known in memory alone, so a process that dies blocks nothing. What was answered is stored: where a
call makes something new, in the same transaction, so that a repeat after a crash finds either both or neither. The
other calls come to the same when they are carried out again. An answer that holds a secret is sealed under a key that
is made of its caller's API key, which is stored nowhere.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

from store.answers import AlreadyAnsweredError
from store.records import KeptAnswer, Sealed
from store.vault import SealedError, Vault, vault_of
from tracker.api.auth import bearer_key, caller_of
from tracker.api.bodies import bytes_of
from tracker.api.context import context_of
from tracker.api.problems import ApiError, wrong_header

if TYPE_CHECKING:
    from starlette.requests import Request

    from store.answers import Answers
    from tracker.api.calls import Call
    from tracker.surroundings import Surroundings

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[!-~]{1,255}")
_NOT_KEPT = ("content-length",)


@dataclass(slots=True)
class _Once:
    """A call with a key while it is carried out; what it answers is sealed where there is a vault."""

    caller: str
    key: str
    digest: str
    vault: Vault | None
    is_kept: bool = False


class Idempotency:
    """The answers of calls that came with a key."""

    def __init__(self, answers: Answers, surroundings: Surroundings) -> None:
        self._answers = answers
        self._surroundings = surroundings
        self._under_way: dict[tuple[str, str], str] = {}

    async def answer(self, request: Request, call: Call) -> Response:
        """Carries a call out, or answers as it was answered before. Raises ApiError: 409, 422, or the call's own."""
        key = _key_of(request)
        if key is None:
            return await call.handle(request)
        vault = vault_of(bearer_key(request)) if call.shows_secret else None
        once = _Once(caller_of(request).id, key, await _digest(request), vault)
        self._refuse_what_is_under_way(once)
        self._under_way[once.caller, key] = once.digest
        try:
            return await self._repeated(once) or await self._carried_out(request, call, once)
        finally:
            del self._under_way[once.caller, key]

    def kept(self, once: _Once, response: Response) -> KeptAnswer:
        """An answer as it is stored."""
        content = bytes(response.body)
        body = zlib.compress(content, level=1) if once.vault is None else once.vault.seal(content.decode()).encode()
        headers = {name: value for name, value in response.headers.items() if name not in _NOT_KEPT}
        now = self._surroundings.now()
        return KeptAnswer(once.caller, once.key, once.digest, now, response.status_code, headers, body)

    async def _carried_out(self, request: Request, call: Call, once: _Once) -> Response:
        request.state.once = once
        try:
            response = await call.handle(request)
            # A refusal has changed nothing and is found again; a fault may be over the next time.
            if response.status_code < 300 and not once.is_kept:
                await self._answers.keep(self.kept(once, response))
        except AlreadyAnsweredError:
            # Another process was faster with the same call.
            repeated = await self._repeated(once)
            if repeated is None:
                raise
            return repeated
        return response

    async def _repeated(self, once: _Once) -> Response | None:
        kept = await self._answers.find(once.caller, once.key, self._surroundings.now())
        if kept is None:
            return None
        if kept.request != once.digest:
            raise _used_otherwise(once.key)
        content = zlib.decompress(kept.body) if once.vault is None else _opened(kept, once.vault)
        return Response(content, kept.status, {**kept.headers, "idempotent-replayed": "true"})

    def _refuse_what_is_under_way(self, once: _Once) -> None:
        known = self._under_way.get((once.caller, once.key))
        if known is not None and known != once.digest:
            raise _used_otherwise(once.key)
        if known is not None:
            detail = f"The call with the {HEADER} {once.key!r} is under way; repeat it when it has been answered."
            raise ApiError(409, detail, headers={"retry-after": "1"})


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
    # As the router sees them: those of `request.url` are pieced together with the Host header, which anyone sets.
    line = f"{request.method}\n{request.scope['path']}\n".encode() + request.scope["query_string"] + b"\n"
    return hashlib.sha256(line + await bytes_of(request)).hexdigest()


def _opened(kept: KeptAnswer, vault: Vault) -> bytes:
    """The body that was sealed. Raises ApiError 409."""
    try:
        return vault.open(Sealed(kept.body.decode())).encode()
    except SealedError as error:
        # The key of the settings was changed: the caller is the operator still.
        detail = (
            f"This call was carried out, and answered with HTTP {kept.status}. The answer holds a secret, which only "
            "the API key that the call was made with can open."
        )
        location = {name: value for name, value in kept.headers.items() if name == "location"}
        raise ApiError(409, detail, headers=location) from error


def _used_otherwise(key: str) -> ApiError:
    detail = f"{key!r} was used for another call, or with another body, within 24 hours; use a new key."
    return wrong_header(HEADER, detail)
