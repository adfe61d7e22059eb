"""JSON documents become models."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, TypeVar

from pydantic import AfterValidator, TypeAdapter, ValidationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

Time: TypeAlias = Annotated[datetime, AfterValidator(lambda at: at.astimezone(UTC))]
"""A time, which is aware and in UTC."""

_adapter: Callable[[Any], TypeAdapter[Any]] = cache(TypeAdapter)


def read(kind: type[T], document: object, **known: object) -> T:
    """The document as a model, with itself in `raw` and what else is known. Raises ValueError that shows no values."""
    if not isinstance(document, dict):
        message = f"it is no JSON object but {type(document).__name__}"
        raise ValueError(message)  # noqa: TRY004 - what comes off the wire is wrong in value
    try:
        model: T = _adapter(kind).validate_python({**document, **known, "raw": document})
    except ValidationError as error:
        # An answer may hold a secret, and pydantic's own message repeats what it was given.
        flaws = error.errors(include_url=False, include_context=False, include_input=False)
        message = "; ".join(f"{'.'.join(map(str, flaw['loc']))}: {flaw['msg']}" for flaw in flaws)
        raise ValueError(message) from None
    return model


def read_optional(kind: type[T], document: Mapping[str, Any] | None) -> T | None:
    """The same, where there is a document."""
    return None if document is None else read(kind, document)
