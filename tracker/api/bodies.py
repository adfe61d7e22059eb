"""What users send: read with a cap, parsed, and checked to the last field."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import orjson
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from tracker.api.problems import ApiError

if TYPE_CHECKING:
    from starlette.requests import Request

LARGEST_BODY = 1024 * 1024
_MONTH = 30 * 86_400

Text = Annotated[str, Field(min_length=1, max_length=200)]
Url = Annotated[str, Field(min_length=1, max_length=2048)]
Patterns = Annotated[list[Text], Field(min_length=1, max_length=50)]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=50)]
Scalar = str | int | float | bool | None


class Body(BaseModel):
    """A body whose unknown fields are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class JobBody(Body):
    """`POST /v1/jobs`."""

    provider: Text
    remote_id: Annotated[str, Field(min_length=1, max_length=500)]
    kind: Text | None = None
    account: Text = "default"
    params: Annotated[dict[Text, Scalar], Field(max_length=50)] = {}
    callback_url: Url | None = None
    events: Patterns | None = None
    tags: Tags = []
    metadata: Annotated[dict[Text, Scalar], Field(max_length=50)] = {}
    timeout_seconds: Annotated[float, Field(gt=0, le=_MONTH)] | None = None
    poll_after: AwareDatetime | None = None
    rerun: bool = False


class SubscriptionBody(Body):
    """`POST /v1/subscriptions`."""

    callback_url: Url
    events: Patterns | None = None
    providers: Annotated[list[Text], Field(max_length=50)] = []
    kinds: Annotated[list[Text], Field(max_length=50)] = []
    tags: Tags = []
    description: Annotated[str, Field(max_length=500)] | None = None
    headers: Annotated[dict[str, str], Field(max_length=20)] = {}
    secret: str | None = Field(default=None, repr=False)


T = TypeVar("T", bound=Body)


async def read_body(request: Request, model: type[T]) -> T:
    """The request's body as a model. Raises ApiError: 400, 413, 415 or 422."""
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise ApiError(415, f"Send the body as application/json, not as {media_type!r}.")
    return parse_body(await _bytes_of(request), model)


def parse_body(data: bytes, model: type[T]) -> T:
    """JSON bytes as a model. Raises ApiError: 400 or 422."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"The body is not valid JSON: {error}.") from error
    if b"\\u0000" in data:
        raise ApiError(422, "The body holds a NUL character (\\u0000), which cannot be stored.")
    return validated(value, model)


def validated(value: Any, model: type[T]) -> T:  # noqa: ANN401 - JSON
    """A JSON value as a model. Raises ApiError 422 with a pointer to each flaw."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        errors = [
            {"pointer": _pointer(details["loc"]), "detail": _detail(details["type"], details["msg"])}
            for details in error.errors(include_url=False, include_input=False)
        ]
        summary = "; ".join(f"{flaw['pointer'] or 'the body'}: {flaw['detail']}" for flaw in errors[:5])
        raise ApiError(422, f"The body cannot be used. {summary}", errors) from error


async def _bytes_of(request: Request) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > LARGEST_BODY:
            raise ApiError(413, f"The body is larger than {LARGEST_BODY} bytes.", headers={"connection": "close"})
    return bytes(data)


def _pointer(location: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901); pydantic's notes on which member of a union it tried are left out."""
    names = [str(part) for part in location if part not in _UNION_MEMBERS]
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


_UNION_MEMBERS = ("str", "int", "float", "bool", "[key]")


def _detail(kind: str, message: str) -> str:
    return "This field is unknown." if kind == "extra_forbidden" else message


def parse_time(text: str) -> datetime:
    """An RFC 3339 time with its zone. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        message = "the time zone is missing"
        raise ValueError(message)
    return at
