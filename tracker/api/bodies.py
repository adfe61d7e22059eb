"""What users send: read with a cap, parsed, and checked to the last field."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar, cast

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    WrapValidator,
)

from store.records import Order, PayloadForm, Scope, SubscriptionStatus
from tracker.api.problems import ApiError, wrong_field
from tracker.rules.rotation import DEFAULT_GRACE, LONGEST_GRACE

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails
    from starlette.requests import Request

LARGEST_BODY = 1024 * 1024
MOST_JOBS = 1000
"""Jobs that one request registers."""

_MONTH = 30 * 86_400
_CHARSET = re.compile(r"(?:^|;)\s*charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)


def _time_in_body(value: object) -> datetime:
    """A time in a body; a number is none, since it does not say what it counts."""
    try:
        return parse_time(value if isinstance(value, str) else "")
    except ValueError as error:
        message = f"{value!r:.100} is not a time with its zone; give one like 2026-11-22T10:00:00Z."
        raise ValueError(message) from error


def _with_v1(names: list[str]) -> list[str]:
    """The names of the signatures that a subscription asks for."""
    if "v1" not in names:
        message = 'every webhook is signed by "v1"; give ["v1"] or ["v1", "v1a"].'
        raise ValueError(message)
    return names


def _as_it_came(value: object, _check: object) -> object:
    """Leaves the check to later; unlike `SkipValidation`, the document then refers to the model."""
    return value


Text = Annotated[str, Field(min_length=1, max_length=200)]
Url = Annotated[str, Field(min_length=1, max_length=2048)]
Patterns = Annotated[list[Text], Field(min_length=1, max_length=50)]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=100)]], Field(max_length=50)]
InFlight = Annotated[int, Field(ge=1, le=100, strict=True)]
_HAS_V1 = Field(max_length=2, json_schema_extra={"contains": {"const": "v1"}})
Signatures = Annotated[list[Literal["v1", "v1a"]], AfterValidator(_with_v1), _HAS_V1]
Scalar = str | int | float | bool | None
_TIME = {"type": "string", "format": "date-time", "examples": ["2026-11-22T10:00:00Z"]}
Time = Annotated[datetime, PlainValidator(_time_in_body), WithJsonSchema(_TIME)]


class Body(BaseModel):
    """A body whose unknown fields are refused; what is in the fields that are `checked_later` is left as it came."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)
    checked_later: ClassVar[frozenset[str]] = frozenset()


class JobBody(Body):
    """`POST /v1/jobs`."""

    provider: Text
    remote_id: Annotated[str, Field(min_length=1, max_length=500)]
    """The id that the provider gave the job."""
    kind: Text | None = None
    """May be left out where the provider has one kind, or a usual one."""
    account: Text = "default"
    """Whose credentials the polls use."""
    params: Annotated[dict[Text, Scalar], Field(max_length=50)] = {}
    """What the provider's route needs beside the id."""
    callback_url: Url | None = None
    """Where this job's events go, signed with the callback secret."""
    events: Patterns | None = None
    """Types or prefixes like `job.*`, for `callback_url`; by default the four final ones."""
    tags: Tags = []
    metadata: Annotated[dict[Text, Scalar], Field(max_length=50)] = {}
    timeout_seconds: Annotated[float, Field(gt=0, le=_MONTH, strict=True)] | None = None
    """After so long the job is `expired`, whatever became of it."""
    poll_after: Time | None = None
    """There is no poll before this time."""
    rerun: Annotated[bool, Field(strict=True)] = False
    """Tracks a job anew that has ended; else it is answered as it is."""


class BatchBody(Body):
    """`POST /v1/jobs/batch`; each job is checked by itself, so that a wrong one spoils no other."""

    checked_later = frozenset({"jobs"})
    jobs: Annotated[list[Annotated[JobBody, WrapValidator(_as_it_came)]], Field(min_length=1, max_length=MOST_JOBS)]


class ReplayBody(Body):
    """`POST /v1/subscriptions/{id}/replay`; `rate` is in deliveries a second."""

    since: Time
    until: Time | None = None
    events: Patterns | None = None
    only_failed: Annotated[bool, Field(strict=True)] = False
    rate: Annotated[float, Field(ge=0.1, le=1000, strict=True)] = 50.0


class SubscriptionBody(Body):
    """`POST /v1/subscriptions`."""

    callback_url: Url
    events: Patterns | None = None
    providers: Annotated[list[Text], Field(max_length=50)] = []
    kinds: Annotated[list[Text], Field(max_length=50)] = []
    tags: Tags = []
    description: Annotated[str, Field(max_length=500)] | None = None
    headers: Annotated[dict[str, str], Field(max_length=20, repr=False)] = {}
    """Sent along with each webhook."""
    payload: PayloadForm = PayloadForm.FULL
    """Whether webhooks carry the job, or where to find it."""
    order: Order = Order.NONE
    """`per_job`: an event waits for those before it; `latest`: it makes those before it superfluous."""
    max_in_flight: InFlight | None = None
    """How many webhooks may be under way at a time."""
    signatures: Signatures = ["v1"]
    secret: str | None = Field(default=None, repr=False)
    """`whsec_` and the base64 of 24 to 64 bytes; without one it is made."""


class RotationBody(Body):
    """`POST /v1/subscriptions/{id}/rotate-secret`."""

    grace_seconds: Annotated[float, Field(ge=0, le=LONGEST_GRACE, strict=True)] = DEFAULT_GRACE
    secret: str | None = Field(default=None, repr=False)


class SubscriptionChanges(Body):
    """`PATCH /v1/subscriptions/{id}`: what is not named stays as it is."""

    callback_url: Url | None = None
    events: Patterns | None = None
    providers: Annotated[list[Text], Field(max_length=50)] | None = None
    kinds: Annotated[list[Text], Field(max_length=50)] | None = None
    tags: Tags | None = None
    description: Annotated[str, Field(max_length=500)] | None = None
    headers: Annotated[dict[str, str], Field(max_length=20)] | None = Field(default=None, repr=False)
    payload: PayloadForm | None = None
    order: Order | None = None
    max_in_flight: InFlight | None = None
    signatures: Signatures | None = None
    status: SubscriptionStatus | None = None
    from_now: Annotated[bool, Field(strict=True)] = False


class KeyBody(Body):
    """`POST /v1/keys`."""

    name: Text
    scope: Scope = Scope.WRITE
    expires_at: Time | None = None


T = TypeVar("T", bound=Body)


async def read_body(request: Request, model: type[T], *, if_empty: bytes = b"") -> T:
    """The request's body as a model; `if_empty` stands for none. Raises ApiError: 400, 413, 415 or 422."""
    _refuse_unreadable(request)
    return parse_body(await bytes_of(request) or if_empty, model)


async def refuse_body(request: Request) -> None:
    """For calls that take no body: an empty one and `{}` pass. Raises ApiError: 400, 413, 415 or 422."""
    if await bytes_of(request):
        await read_body(request, Body)


async def bytes_of(request: Request) -> bytes:
    """The request's body as it came, however often it is asked for. Raises ApiError 413."""
    if not hasattr(request.state, "body"):
        request.state.body = await _read_at_most(request, LARGEST_BODY)
    return cast("bytes", request.state.body)


def parse_body(data: bytes, model: type[T]) -> T:
    """JSON bytes as a model. Raises ApiError: 400 or 422."""
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"The body is not valid JSON: {error}.") from error
    return validated(value, model)


def validated(value: Any, model: type[T]) -> T:  # noqa: ANN401 - JSON
    """A JSON value as a model. Raises ApiError 422 with a pointer to each flaw."""
    try:
        body = model.model_validate(value)
    except ValidationError as error:
        flaws = {_pointer(details["loc"][:_DEPTH]): _detail(details) for details in error.errors(include_url=False)}
        errors = [{"pointer": pointer, "detail": detail} for pointer, detail in flaws.items()]
        summary = "; ".join(f"{pointer or 'the body'}: {detail}" for pointer, detail in list(flaws.items())[:5])
        raise ApiError(422, f"The body cannot be used. {summary}", errors) from error
    _refuse_nul({name: part for name, part in value.items() if name not in model.checked_later}, ())
    return body


def _refuse_unreadable(request: Request) -> None:
    """Raises ApiError 415 for a body that is not plain JSON in UTF-8."""
    media_type, _, parameters = request.headers.get("content-type", "application/json").partition(";")
    if media_type.strip().lower() != "application/json":
        raise ApiError(415, f"Send the body as application/json, not as {media_type.strip().lower()!r}.")
    charset = _CHARSET.search(parameters)
    if charset and charset[1].lower() not in ("utf-8", "utf8"):
        raise ApiError(415, f"Send the body in UTF-8, not in {charset[1]!r}.")
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        detail = f"Send the body as it is, without Content-Encoding {encoding!r}."
        raise ApiError(415, detail, headers={"accept-encoding": "identity"})


async def _read_at_most(request: Request, most: int) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise ApiError(413, f"The body is larger than {most} bytes.", headers={"connection": "close"})
    return bytes(data)


_DEPTH = 2
"""Bodies are no deeper than this; what a flaw's location has beyond it are pydantic's notes on what it tried."""


def _pointer(location: tuple[int | str, ...]) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(name).replace("~", "~0").replace("/", "~1") for name in location)


def _detail(details: ErrorDetails) -> str:
    if details["type"] == "extra_forbidden":
        return "This field is unknown."
    if details["type"] == "model_type":
        return "Input should be an object"
    if len(details["loc"]) > _DEPTH and details["loc"][-1] != "[key]":
        return "Input should be a string, a number, true, false or null"
    return details["msg"].removeprefix("Value error, ")


def _refuse_nul(value: object, location: tuple[int | str, ...]) -> None:
    """Raises ApiError 422 for a text that no database can store."""
    if isinstance(value, str) and "\0" in value:
        raise wrong_field(_pointer(location), "A NUL character (\\u0000) cannot be stored.")
    if isinstance(value, dict):
        for name, part in value.items():
            _refuse_nul(name, (*location, name))
            _refuse_nul(part, (*location, name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            _refuse_nul(part, (*location, number))


def parse_time(text: str) -> datetime:
    """An RFC 3339 time with its zone, in UTC. Raises ValueError."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        message = "the time zone is missing"
        raise ValueError(message)
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        message = "the year is out of range"
        raise ValueError(message) from error
