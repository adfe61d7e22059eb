"""The synchronous shell: it drives flows, and turns calls into methods that block."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, overload

import httpx

from tracker.client.exchange import answer_of, is_stream, lost, request_for
from tracker.client.flows.paging import rows
from tracker.client.flows.performing import perform
from tracker.client.flows.steps import Answer, Emit, Lost, Open, Pause, Send

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from types import TracebackType

    from tracker.client.calls.call import Call, Page
    from tracker.client.flows.steps import Flow, Read, Request
    from tracker.client.flows.terms import Terms

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")


class Shell:
    """What the nouns of a client share: its connections, and its terms."""

    def __init__(self, http: httpx.Client, terms: Terms) -> None:
        self.http = http
        self.terms = terms

    def run(self, flow: Flow[T], told: Callable[[Any], object] | None = None) -> T:
        """The flow's result; `told` gets what it emits."""
        with _Wire(self) as wire, closing(flow):
            outcome: object = None
            while True:
                try:
                    step = flow.send(outcome)
                except StopIteration as end:
                    result: T = end.value
                    return result
                outcome = None if isinstance(step, Emit) else wire.do(step)
                if isinstance(step, Emit) and told:
                    told(step.value)

    def iterate(self, flow: Flow[None]) -> Generator[Any, None, None]:
        """What the flow emits."""
        with _Wire(self) as wire, closing(flow):
            outcome: object = None
            while True:
                try:
                    step = flow.send(outcome)
                except StopIteration:
                    return
                if isinstance(step, Emit):
                    yield step.value
                outcome = None if isinstance(step, Emit) else wire.do(step)


class _Wire:
    """The I/O of one flow, which has at most one stream open."""

    def __init__(self, shell: Shell) -> None:
        self._http = shell.http
        self._terms = shell.terms
        self._open = ExitStack()
        self._chunks: Iterator[bytes] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._open.close()

    def do(self, step: Send | Pause | Open | Read) -> Answer | Lost | bytes | None:
        """Takes a step, and tells what came of it."""
        try:
            if isinstance(step, Send):
                response = self._http.send(request_for(self._http, step.request, self._terms))
                return answer_of(response, response.content)
            if isinstance(step, Open):
                return self._begin(step.request)
            if isinstance(step, Pause):
                time.sleep(step.seconds)
                return None
            return next(self._chunks, None)
        except httpx.RequestError as error:
            return lost(error)

    def _begin(self, request: Request) -> Answer:
        self._open.close()
        self._chunks = iter(())
        response = self._http.send(request_for(self._http, request, self._terms), stream=True)
        self._open.callback(response.close)
        if not is_stream(response):
            return answer_of(response, response.read())
        self._chunks = response.iter_bytes()
        return answer_of(response)


class Noun:
    """A part of a client: what can be done with one sort of thing."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell


class Method(Generic[P, R, T]):
    """A call of the API as a method with the call's own parameters; `finish` makes its result out of the answer's."""

    def __init__(self, build: Callable[P, Call[R]], finish: Callable[[Any, R], T]) -> None:
        self._build = build
        self._finish = finish

    @overload
    def __get__(self, noun: None, owner: type) -> Self: ...
    @overload
    def __get__(self, noun: Noun, owner: type) -> Callable[P, T]: ...
    def __get__(self, noun: Noun | None, owner: type) -> Self | Callable[P, T]:
        """The method of a noun."""
        if noun is None:
            return self
        shell = noun.shell

        @wraps(self._build)
        def method(*args: P.args, **kwargs: P.kwargs) -> T:
            return self._finish(noun, shell.run(perform(self._build(*args, **kwargs), shell.terms)))

        return method


class Pages(Generic[P, R, T]):
    """The call of a list as a method that iterates over all its rows."""

    def __init__(self, build: Callable[P, Call[Page[R]]], finish: Callable[[Any, R], T]) -> None:
        self._build = build
        self._finish = finish

    @overload
    def __get__(self, noun: None, owner: type) -> Self: ...
    @overload
    def __get__(self, noun: Noun, owner: type) -> Callable[P, Iterator[T]]: ...
    def __get__(self, noun: Noun | None, owner: type) -> Self | Callable[P, Iterator[T]]:
        """The method of a noun."""
        if noun is None:
            return self
        shell = noun.shell

        @wraps(self._build)
        def method(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            return (self._finish(noun, row) for row in shell.iterate(rows(self._build(*args, **kwargs), shell.terms)))

        return method


def method(build: Callable[P, Call[T]]) -> Method[P, T, T]:
    """A method whose result is the answer's."""
    return Method(build, lambda _noun, result: result)


def pages(build: Callable[P, Call[Page[T]]]) -> Pages[P, T, T]:
    """A list whose rows are the answer's."""
    return Pages(build, lambda _noun, row: row)
