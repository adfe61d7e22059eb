"""Asks the API, in this process and with the viewer's own key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote
from weakref import WeakValueDictionary

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from starlette.types import ASGIApp

Json = dict[str, Any]
Query: TypeAlias = "Iterable[tuple[str, str]]"
Turns: TypeAlias = "WeakValueDictionary[str, asyncio.Lock]"
_NONE: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with one part of what was sent; `place` is its name, or a path in the body, or empty."""

    place: str
    detail: str

    def __str__(self) -> str:
        return f"{self.place}: {self.detail}" if self.place else self.detail


class RefusedError(Exception):
    """What the API refused, in its words; `flaws` are what is wrong with each input."""

    def __init__(self, status: int, detail: str, flaws: tuple[Flaw, ...] = (), retry_after: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.flaws = flaws
        self.retry_after = retry_after

    @property
    def all_flaws(self) -> tuple[Flaw, ...]:
        """The flaws, or what was told at large where no input is to blame."""
        return self.flaws or (Flaw("", self.detail),)


class Desk:
    """Where visitors ask. It is closed when the service stops."""

    def __init__(self, api: ASGIApp) -> None:
        self.api = api
        transport = httpx.ASGITransport(api, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://tracker", trust_env=False)
        self._turns: Turns = WeakValueDictionary()

    def with_key(self, key: str) -> Asking:
        """Who asks with this key."""
        return Asking(self._client, key, self._turns)

    async def close(self) -> None:
        """Lets the client go."""
        await self._client.aclose()


class Asking:
    """The calls of the API with one key; each raises RefusedError."""

    def __init__(self, client: httpx.AsyncClient, key: str, turns: Turns) -> None:
        self._client = client
        self._turns = turns
        self._headers = {"authorization": f"Bearer {key}"}

    async def get(self, path: str, query: Query = ()) -> Json:
        """What a GET answers."""
        return await self._call("GET", path, query=query)

    async def post(self, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """What a POST answers."""
        return await self._call("POST", path, body)

    async def post_once(self, once: str, path: str, body: Mapping[str, Any] | None = None) -> Json:
        """What a POST answers, and answers again if it is sent again within a day: `once` is its Idempotency-Key."""
        # The API refuses a repeat of what is under way, but a browser shows the answer to a second click alone.
        async with self._turns.setdefault(once, asyncio.Lock()):
            return await self._call("POST", path, body, headers={"idempotency-key": once})

    async def patch(self, path: str, body: Mapping[str, Any]) -> Json:
        """What a PATCH answers."""
        return await self._call("PATCH", path, body)

    async def delete(self, path: str) -> None:
        """Deletes what is there."""
        await self._call("DELETE", path)

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        query: Query = (),
        headers: Mapping[str, str] = _NONE,
    ) -> Json:
        response = await self._client.request(
            method, path, params=list(query), json=body, headers={**self._headers, **headers}, timeout=None
        )
        if response.is_success:
            return response.json() if response.content else {}
        raise _refusal(response)


def at(*parts: str) -> str:
    """The path of these parts, whatever characters they have: `at("v1", "jobs", job_id)`."""
    # A client takes dots for folders.
    return "".join(f"/{quote(part, safe='').replace('.', '%2E')}" for part in parts)


def _refusal(response: httpx.Response) -> RefusedError:
    problem: Json = response.json()
    return RefusedError(
        status=response.status_code,
        detail=problem["detail"],
        flaws=tuple(_flaw(each) for each in problem.get("errors", ())),
        retry_after=response.headers.get("retry-after"),
    )


def _flaw(flaw: Mapping[str, str]) -> Flaw:
    place = flaw.get("parameter") or flaw.get("header") or flaw.get("pointer", "").removeprefix("/")
    return Flaw(place, flaw["detail"])
