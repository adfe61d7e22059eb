"""The sections of a description that say where something stands in an answer."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import model_validator

from tracker.providers.forms import Pattern, Pointer, Pointers
from tracker.providers.sections import Section


class Progress(Section):
    """Where progress stands, and what means done.

    A number of `scale` (1 or 100); or a number of the number at `total`; or the number that the last match of
    `pattern` in a log caught, of `scale`.
    """

    pointer: Pointer
    scale: Literal[1, 100] = 1
    total: Pointer | None = None
    pattern: Pattern | None = None

    @model_validator(mode="after")
    def _measure_one_way(self) -> Self:
        if self.total is not None and (self.pattern is not None or self.scale != 1):
            message = "'total' takes the place of 'scale' and 'pattern'"
            raise ValueError(message)
        return self


class ErrorPointers(Section):
    """Where the reason of a failure stands."""

    message: Pointers
    hint: Pointer | None = None
    code: Pointer | None = None


class Times(Section):
    """Where the provider's own times stand (RFC 3339, or Unix seconds or milliseconds)."""

    created: Pointer | None = None
    started: Pointer | None = None
    finished: Pointer | None = None


class History(Section):
    """Where the provider's own history stands; `status` and `at` are within an item."""

    items: Pointer
    status: Pointer
    at: Pointer


class Approval(Section):
    """A step that waits for a person: the job is then `action_required`.

    It waits when it has this type and status and every step that it depends on has one of the `done` statuses.
    """

    type: str
    status: str
    depends_on: Pointer
    done: tuple[str, ...]


class Steps(Section):
    """Where a workflow's steps stand; the other pointers are within an item."""

    items: Pointer
    id: Pointer
    type: Pointer
    status: Pointer
    depends_on: Pointer | None = None
    approval: Approval | None = None
