"""What a row of the route table says: how a call is made, what it needs, and what it answers with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import Response

if TYPE_CHECKING:
    from store.records import Scope
    from tracker.api.bodies import Body

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]
Method: TypeAlias = Literal["GET", "POST", "PATCH", "DELETE"]

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
MOST_VALUES = 100
"""How often a query parameter may be given that may be repeated: a database takes only so many conditions."""

_OF_ALL = (401, 403, 406, 422, 429)
_WITH_BODY = (400, 413, 415)


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter or a header of a request. One whose name ends with a `*` stands for all that begin so."""

    name: str
    about: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    repeats: bool = False

    def is_named(self, name: str) -> bool:
        """Whether a request that uses this name means this parameter."""
        return name.startswith(self.name[:-1]) if self.name.endswith("*") else name == self.name


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API: a row of the route table.

    `name` is what programs call it that are generated from the document. `scope` is what its key must have; without one
    everybody may call. `answers` gives the shape of what each status of success carries (None: nothing); pydantic
    models, or what a `TypeAdapter` takes. `body` is what is checked on the way in; `problems` are the statuses that
    this call may refuse with beyond those that any call may. `tells_location`: what it makes or finds has an address,
    which the answer tells in a header.
    """

    name: str
    method: Method
    path: str
    scope: Scope | None
    handle: Handler
    about: str
    answers: Mapping[int, Any]
    body: type[Body] | None = None
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    problems: tuple[int, ...] = ()
    media_types: tuple[str, ...] = (JSON,)
    shows_secret: bool = False
    tells_location: bool = False

    @property
    def all_problems(self) -> frozenset[int]:
        """Every status that this call may refuse with, but for a fault of ours."""
        with_body = _WITH_BODY if self.body or self.method == "POST" else ()
        repeated = (409,) if self.method == "POST" else ()
        return frozenset((*self.problems, *with_body, *repeated, *(() if self.scope is None else _OF_ALL)))
