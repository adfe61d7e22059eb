"""The steps that flows ask for, and what comes of them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeAlias, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. `read_timeout` is how many seconds may pass without a byte of the answer; None is the usual."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    content: bytes | None = field(default=None, repr=False)
    headers: dict[str, str] = field(default_factory=dict)
    read_timeout: float | None = None

    def with_header(self, name: str, value: str) -> Request:
        """The same with one more header."""
        return replace(self, headers={**self.headers, name: value})

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the names of `headers` are in small letters. That of an open stream has no content."""

    status: int
    reason: str
    headers: dict[str, str]
    content: bytes = field(default=b"", repr=False)

    @property
    def is_success(self) -> bool:
        """Whether the service did what was asked."""
        return 200 <= self.status < 300

    def __str__(self) -> str:
        return f"{self.status} {self.reason}"


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came, or the rest of it did not."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request and read the whole answer: Answer or Lost."""

    request: Request


@dataclass(frozen=True, slots=True)
class Pause:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Open:
    """Send a request whose answer is read bit by bit, and close what was open before: Answer or Lost."""

    request: Request


@dataclass(frozen=True, slots=True)
class Read:
    """Read what comes next of what is open: bytes, Lost, or None at its end."""


@dataclass(frozen=True, slots=True)
class Emit(Generic[T]):
    """Hand a value to the user."""

    value: T


Step: TypeAlias = Send | Pause | Open | Read | Emit[Any]
Flow: TypeAlias = Generator[Step, Any, T]


def send(request: Request) -> Flow[Answer | Lost]:
    """What comes of a request, once."""
    outcome: Answer | Lost = yield Send(request)
    return outcome


def open_stream(request: Request) -> Flow[Answer | Lost]:
    """The head of an answer that is then read bit by bit."""
    head: Answer | Lost = yield Open(request)
    return head


def read_on() -> Flow[bytes | Lost | None]:
    """What comes next."""
    chunk: bytes | Lost | None = yield Read()
    return chunk
