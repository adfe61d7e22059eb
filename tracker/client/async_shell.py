"""The asynchronous shell: it drives the same flows, and turns the same calls into methods to await."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, closing
from functools import wraps
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, overload

import httpx

from tracker.client.exchange import answer_of, is_stream, lost, request_for
from tracker.client.flows.paging import rows
from tracker.client.flows.performing import perform
from tracker.client.flows.steps import Answer, Emit, Lost, Open, Pause, Send

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
    from types import TracebackType

    from tracker.client.calls.call import Call, Page
    from tracker.client.flows.steps import Flow, Read, Request
    from tracker.client.flows.terms import Terms

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class AsyncShell:
    """What the nouns of a client share: its connections, and its terms."""

    def __init__(self, http: httpx.AsyncClient, terms: Terms) -> None:
        self.http = http
        self.terms = terms

    async def run(self, flow: Flow[T], told: Callable[[Any], object] | None = None) -> T:
        """The flow's result; `told` gets what it emits, and is awaited where it wants to be."""
        with closing(flow):
            async with _AsyncWire(self) as wire:
                outcome: object = None
                while True:
                    try:
                        step = flow.send(outcome)
                    except StopIteration as end:
                        result: T = end.value
                        return result
                    outcome = None if isinstance(step, Emit) else await wire.do(step)
                    if isinstance(step, Emit) and told and isawaitable(answer := told(step.value)):
                        await answer

    async def iterate(self, flow: Flow[None]) -> AsyncGenerator[Any, None]:
        """What the flow emits."""
        with closing(flow):
            async with _AsyncWire(self) as wire:
                outcome: object = None
                while True:
                    try:
                        step = flow.send(outcome)
                    except StopIteration:
                        return
                    if isinstance(step, Emit):
                        yield step.value
                    outcome = None if isinstance(step, Emit) else await wire.do(step)


class _AsyncWire:
    """The I/O of one flow, which has at most one stream open."""

    def __init__(self, shell: AsyncShell) -> None:
        self._http = shell.http
        self._terms = shell.terms
        self._open = AsyncExitStack()
        self._chunks: AsyncIterator[bytes] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def do(self, step: Send | Pause | Open | Read) -> Answer | Lost | bytes | None:
        """Takes a step, and tells what came of it."""
        try:
            if isinstance(step, Send):
                response = await self._http.send(request_for(self._http, step.request, self._terms))
                return answer_of(response, response.content)
            if isinstance(step, Open):
                return await self._begin(step.request)
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                return None
            return await anext(self._chunks, None) if self._chunks else None
        except httpx.RequestError as error:
            return lost(error)

    async def _begin(self, request: Request) -> Answer:
        await self._open.aclose()
        self._chunks = None
        response = await self._http.send(request_for(self._http, request, self._terms), stream=True)
        self._open.push_async_callback(response.aclose)
        if not is_stream(response):
            return answer_of(response, await response.aread())
        self._chunks = response.aiter_bytes()
        return answer_of(response)


class AsyncNoun:
    """A part of a client: what can be done with one sort of thing."""

    def __init__(self, shell: AsyncShell) -> None:
        self.shell = shell


class AsyncMethod(Generic[P, R, T]):
    """A call of the API as a method with the call's own parameters; `finish` makes its result out of the answer's."""

    def __init__(self, build: Callable[P, Call[R]], finish: Callable[[Any, R], T]) -> None:
        self._build = build
        self._finish = finish

    @overload
    def __get__(self, noun: None, owner: type) -> Self: ...
    @overload
    def __get__(self, noun: AsyncNoun, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, noun: AsyncNoun | None, owner: type) -> Self | Callable[P, Coroutine[Any, Any, T]]:
        """The method of a noun."""
        if noun is None:
            return self
        shell = noun.shell

        @wraps(self._build)
        async def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return self._finish(noun, await shell.run(perform(self._build(*args, **kwargs), shell.terms)))

        return method


class AsyncPages(Generic[P, R, T]):
    """The call of a list as a method that iterates over all its rows."""

    def __init__(self, build: Callable[P, Call[Page[R]]], finish: Callable[[Any, R], T]) -> None:
        self._build = build
        self._finish = finish

    @overload
    def __get__(self, noun: None, owner: type) -> Self: ...
    @overload
    def __get__(self, noun: AsyncNoun, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, noun: AsyncNoun | None, owner: type) -> Self | Callable[P, AsyncIterator[T]]:
        """The method of a noun."""
        if noun is None:
            return self
        shell = noun.shell

        @wraps(self._build)
        def method(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            found = shell.iterate(rows(self._build(*args, **kwargs), shell.terms))
            return (self._finish(noun, row) async for row in found)

        return method


def method(build: Callable[P, Call[T]]) -> AsyncMethod[P, T, T]:
    """A method whose result is the answer's."""
    return AsyncMethod(build, lambda _noun, result: result)


def pages(build: Callable[P, Call[Page[T]]]) -> AsyncPages[P, T, T]:
    """A list whose rows are the answer's."""
    return AsyncPages(build, lambda _noun, row: row)
