"""The sections of a provider's TOML description, as frozen, checked values. Each key is told in FORMAT.md."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from store.records import Status
from tracker.providers.flaws import flaw_at
from tracker.providers.forms import (
    Body,
    CredentialHeader,
    HeaderName,
    HeaderValue,
    HttpCode,
    ListBody,
    ListTemplate,
    Method,
    Name,
    Path,
    PathOrUrl,
    Pointer,
    Pointers,
    Scalar,
    Seconds,
    SubmitPath,
    Variable,
)
from tracker.rules.accounts import DEFAULT_BUDGET, Budget
from tracker.rules.schedule import SHORTEST_GAP, USUAL_TIMEOUT


class Section(BaseModel):
    """A part of a description; keys that it does not have are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class BasicAuth(Section):
    """HTTP Basic."""

    scheme: Literal["basic"]
    username: Variable
    password: Variable


class BearerAuth(Section):
    """`Authorization: Bearer …`."""

    scheme: Literal["bearer"]
    token: Variable


class HeaderAuth(Section):
    """A header of its own, with the credential behind `prefix`."""

    scheme: Literal["header"]
    header: CredentialHeader
    token: Variable
    prefix: HeaderValue = ""


class NoAuth(Section):
    """No credentials."""

    scheme: Literal["none"]


Auth = Annotated[BasicAuth | BearerAuth | HeaderAuth | NoAuth, Field(discriminator="scheme")]


class BudgetSection(Section):
    """What polling may take of an account: requests a second, and requests at a time."""

    requests_per_second: Annotated[float, Field(gt=0, le=10_000)] = DEFAULT_BUDGET.requests_per_second
    concurrent: Annotated[int, Field(ge=1, le=10_000)] = DEFAULT_BUDGET.concurrent

    def budget(self) -> Budget:
        """The same as the rules have it."""
        return Budget(self.requests_per_second, self.concurrent)


class StatusMap(Section):
    """Where the status stands, and which of the provider's words means which of ours."""

    pointers: Pointers
    fold_case: bool = False
    queued: tuple[str, ...] = ()
    running: tuple[str, ...] = ()
    action_required: tuple[str, ...] = ()
    succeeded: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    canceled: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    otherwise: Literal[Status.QUEUED, Status.RUNNING] | None = None

    @model_validator(mode="after")
    def _say_each_word_once(self) -> Self:
        words = [self.folded(word) for status in Status for word in getattr(self, status.value)]
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            message = f"the word {twice[0]!r} stands for two statuses"
            raise ValueError(message)
        return self

    @property
    def has_words(self) -> bool:
        """Whether it can tell any status."""
        return self.otherwise is not None or any(getattr(self, status.value) for status in Status)

    @property
    def tells_an_end(self) -> bool:
        """Whether one of its words ends a job."""
        return any(getattr(self, status.value) for status in Status if status.is_final)

    def folded(self, word: str) -> str:
        """The word as it is compared."""
        return word.casefold() if self.fold_case else word

    def status_of(self, word: str) -> Status | None:
        """What a word of the provider means; None: nothing that we know."""
        return self._meanings.get(self.folded(word), self.otherwise)

    @cached_property
    def _meanings(self) -> dict[str, Status]:
        meanings: dict[str, Status] = {}
        for status in Status:
            for word in getattr(self, status.value):
                meanings.setdefault(self.folded(word), status)
        return meanings


class Condition(Section):
    """What a pointer must lead to: something of a sort (`is`), one value, or one of some values.

    Where it looks at the status word it folds the case as the status map does.
    """

    pointer: Pointer
    is_: Literal["present", "absent", "null", "truthy", "falsy", "zero", "non_zero"] | None = Field(None, alias="is")
    equals: Scalar | None = None
    one_of: tuple[Scalar, ...] | None = None
    _folds_case: bool = PrivateAttr(default=False)

    @model_validator(mode="after")
    def _ask_one_thing(self) -> Self:
        if [self.is_, self.equals, self.one_of].count(None) != 2:
            message = "a condition has one of 'is', 'equals' and 'one_of'"
            raise ValueError(message)
        return self

    def fold_case_with(self, status: StatusMap) -> None:
        """Compares as the status map does, if it looks at the same place."""
        self._folds_case = status.fold_case and self.pointer in status.pointers

    def folded(self, value: Any) -> Any:  # noqa: ANN401 - JSON
        """The value as it is compared."""
        return value.casefold() if self._folds_case and isinstance(value, str) else value


class Rule(Section):
    """What an answer means that fits: a status of ours, or a problem of the poll (never a failure of the job).

    Without `http` only 2xx fits. `where` wants all of its conditions to hold.
    """

    http: Annotated[tuple[HttpCode, ...], Field(min_length=1)] = ("2xx",)
    empty: bool | None = None
    where: tuple[Condition, ...] = ()
    status: Status | None = None
    provider_status: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    problem: Literal["http_status", "rate_limited", "unauthorized", "invalid"] | None = None

    @model_validator(mode="after")
    def _mean_one_thing(self) -> Self:
        if (self.status is None) == (self.problem is None):
            message = "a rule gives one of 'status' and 'problem'"
            raise ValueError(message)
        if self.provider_status is not None and self.status is None:
            message = "'provider_status' goes with 'status'"
            raise ValueError(message)
        return self


class Hints(Section):
    """Where the provider says, beside `Retry-After` and `retry-after-ms`, when to ask again.

    `headers_ms` hold milliseconds; in the body, `until` leads to times and `seconds` to numbers of seconds.
    """

    headers_ms: tuple[HeaderName, ...] = ()
    until: tuple[Pointer, ...] = ()
    seconds: tuple[Pointer, ...] = ()


class TimingSection(Section):
    """The documented intervals, in seconds: `first`, then `interval` times `multiplier` up to `cap`.

    No poll of a job follows another sooner than `minimum`. `typical` is how long a job takes, as far as anybody knows
    beforehand, `delay_per_poll` the detection delay that one poll is worth, `max_delay` a promise that none is longer.
    `timeout` is when a job counts as expired that names no time-out of its own.
    """

    first: Seconds | None = None
    interval: Seconds
    multiplier: Annotated[float, Field(ge=1, le=10)] = 1.0
    cap: Seconds | None = None
    minimum: Seconds = SHORTEST_GAP
    typical: Seconds | None = None
    delay_per_poll: Seconds | None = None
    max_delay: Seconds | None = None
    timeout: Seconds = USUAL_TIMEOUT

    @model_validator(mode="after")
    def _let_the_cap_be_the_longest(self) -> Self:
        if self.cap is not None and self.cap < self.interval:
            message = f"cap ({self.cap:g}) is shorter than interval ({self.interval:g})"
            raise ValueError(message)
        if self.multiplier > 1 and self.cap is None:
            message = "a multiplier above 1 needs a cap"
            raise ValueError(message)
        if "minimum" in self.model_fields_set and self.minimum > self.interval:
            raise flaw_at("minimum", f"it ({self.minimum:g}) is longer than interval ({self.interval:g})")
        return self


class CancelRequest(Section):
    """The request that asks the provider to cancel a job; `body` is sent as JSON where it is given.

    A `path` that is nothing but `{param.NAME}` is a whole URL; a job that brings none cannot be canceled.
    """

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: PathOrUrl
    body: Body | None = None


class ListRequest(Section):
    """The request that asks for many jobs at once, and where its rows stand.

    `query` and `body` may hold `{ids}` or `{since}`. A row stands in the single answer at `row_at`; `items` may also be
    an object by id. `covers` is how many seconds back from now the list reaches, by when a job was made.
    """

    method: Literal["GET", "POST"] = "GET"
    path: Path
    query: dict[str, ListTemplate] = {}
    body: ListBody | None = None
    items: Pointer
    row_at: Pointer = ""
    missing: Pointer | None = None
    limit: Annotated[int, Field(ge=2, le=1000)] = 100
    since: Literal["rfc3339", "seconds", "milliseconds"] = "rfc3339"
    covers: Seconds | None = None
    next_page: Pointer | None = None
    more: Pointer | None = None
    page_query: str | None = None
    next_url: Pointer | None = None

    @model_validator(mode="after")
    def _turn_pages_one_way(self) -> Self:
        if (self.next_page is None) != (self.page_query is None):
            message = "'next_page' (where the token stands) and 'page_query' (which parameter takes it) go together"
            raise ValueError(message)
        if self.next_page is not None and self.next_url is not None:
            message = "'next_url' takes the place of 'next_page'"
            raise ValueError(message)
        return self


class Submit(Section):
    """A request that makes a job: known by its method and path, it tells kind, id and parameters.

    In the path `*` is any one segment, and `**` at its end one or more. `params` lead into the answer.
    """

    method: Method = "POST"
    path: SubmitPath
    kind: Name | None = None
    id: Pointers
    params: dict[str, Pointer] = {}
