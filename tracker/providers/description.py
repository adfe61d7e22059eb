"""The form of a provider's TOML description, parsed into frozen, checked values.

What stands at the top level of a file holds for each of its kinds; a kind's own table goes before it, key by key.
"""

from __future__ import annotations

import re
import tomllib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from store.records import Status
from tracker.providers.pointer import Pointer
from tracker.rules.schedule import Timing

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
"""The name of an environment variable that holds a credential."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Seconds = Annotated[float, Field(gt=0, le=30 * 86_400)]
Pointers = Annotated[tuple[Pointer, ...], Field(min_length=1)]
BASE_URL = r"^https?://[^/?#\s]+(/[^?#\s]*[^?#/\s])?$"
"""What a base URL looks like: no query, no fragment, no slash at its end."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class DescriptionError(Exception):
    """A description that cannot be used; the message names the file, the key and the way out."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BasicAuth(_Section):
    """HTTP Basic."""

    scheme: Literal["basic"]
    username: Variable
    password: Variable


class BearerAuth(_Section):
    """`Authorization: Bearer …`."""

    scheme: Literal["bearer"]
    token: Variable


class HeaderAuth(_Section):
    """A header of its own, with the credential behind `prefix`."""

    scheme: Literal["header"]
    header: str
    token: Variable
    prefix: str = ""


class NoAuth(_Section):
    """No credentials."""

    scheme: Literal["none"]


Auth = Annotated[BasicAuth | BearerAuth | HeaderAuth | NoAuth, Field(discriminator="scheme")]


class StatusMap(_Section):
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

    @model_validator(mode="after")
    def _say_each_word_once(self) -> Self:
        words = [self.folded(word) for status in Status for word in getattr(self, status.value)]
        twice = sorted({word for word in words if words.count(word) > 1})
        if twice:
            message = f"the word {twice[0]!r} stands for two statuses"
            raise ValueError(message)
        return self

    def folded(self, word: str) -> str:
        """The word as it is compared."""
        return word.casefold() if self.fold_case else word

    def status_of(self, word: str) -> Status | None:
        """What a word of the provider means; None: nothing that we know."""
        sought = self.folded(word)
        for status in Status:
            if any(sought == self.folded(known) for known in getattr(self, status.value)):
                return status
        return None


class Progress(_Section):
    """Where progress stands, and the value that means done: 1 or 100."""

    pointer: Pointer
    scale: Literal[1, 100] = 1


class ErrorPointers(_Section):
    """Where the reason of a failure stands."""

    message: Pointers
    hint: Pointer | None = None
    code: Pointer | None = None


class Times(_Section):
    """Where the provider's own times stand (RFC 3339, or Unix seconds or milliseconds)."""

    created: Pointer | None = None
    started: Pointer | None = None
    finished: Pointer | None = None


class History(_Section):
    """Where the provider's own history stands; `status` and `at` are within an item."""

    items: Pointer
    status: Pointer
    at: Pointer


class Approval(_Section):
    """A step that waits for a person: the job is then `action_required`.

    It waits when it has this type and status and every step that it depends on has one of the `done` statuses.
    """

    type: str
    status: str
    depends_on: Pointer
    done: tuple[str, ...]


class Steps(_Section):
    """Where a workflow's steps stand; the other pointers are within an item."""

    items: Pointer
    id: Pointer
    type: Pointer
    status: Pointer
    approval: Approval | None = None


class TimingSection(_Section):
    """The documented intervals, in seconds: `first`, then `interval` times `multiplier` up to `cap`.

    `timeout` is when a job counts as expired that names no time-out of its own.
    """

    first: Seconds | None = None
    interval: Seconds
    multiplier: Annotated[float, Field(ge=1, le=10)] = 1.0
    cap: Seconds | None = None
    timeout: Seconds = 86_400

    @model_validator(mode="after")
    def _let_the_cap_be_the_longest(self) -> Self:
        if self.cap is not None and self.cap < self.interval:
            message = f"cap ({self.cap:g}) is shorter than interval ({self.interval:g})"
            raise ValueError(message)
        if self.multiplier > 1 and self.cap is None:
            message = "a multiplier above 1 needs a cap"
            raise ValueError(message)
        return self

    def timing(self) -> Timing:
        """The same as the rules have it."""
        first = self.interval if self.first is None else self.first
        return Timing(first, self.interval, self.multiplier, self.cap, self.timeout)


class CancelRequest(_Section):
    """The request that asks the provider to cancel a job; `body` is sent as JSON where it is given."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: str
    body: dict[str, Any] | None = None


class Kind(_Section):
    """A sort of job: its poll route, and how to read the answer.

    Templates (`path`, `query`, `result_urls`, the path of `cancel`) hold `{id}`, `{kind}` and `{param.NAME}`; a query
    entry is left out where its parameter is not given. `result_urls` are paths behind the base URL, shown as output
    once a job succeeded.
    """

    path: str
    query: dict[str, str] = {}
    id: tuple[Pointer, ...] = ()
    status: StatusMap
    progress: Progress | None = None
    output: dict[str, Pointer] = {}
    result_urls: dict[str, str] = {}
    error: ErrorPointers | None = None
    times: Times = Times()
    history: History | None = None
    steps: Steps | None = None
    cancel: CancelRequest | None = None
    timing: TimingSection

    @model_validator(mode="after")
    def _know_every_placeholder(self) -> Self:
        for template in (*self.paths(), *self.query.values()):
            for name in _PLACEHOLDER.findall(template):
                if name not in ("id", "kind") and not re.fullmatch(r"param\.[A-Za-z_]\w*", name):
                    message = f"unknown placeholder {{{name}}}: use {{id}}, {{kind}} or {{param.NAME}}"
                    raise ValueError(message)
            if set(_PLACEHOLDER.sub("", template)) & set("{}"):
                message = f"{template!r} has a brace without its other half"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _begin_every_path_with_a_slash(self) -> Self:
        for path in self.paths():
            if not path.startswith("/"):
                message = f"path {path!r} must begin with '/'"
                raise ValueError(message)
        return self

    def paths(self) -> tuple[str, ...]:
        """Every path template of the kind."""
        return (self.path, *self.result_urls.values(), *([self.cancel.path] if self.cancel else []))


class Description(_Section):
    """One provider."""

    name: Name
    title: str
    docs: str | None = None
    base_url: Annotated[str, Field(pattern=BASE_URL)]
    auth: Auth
    headers: dict[str, str] = {}
    default_kind: Name | None = None
    kinds: Annotated[dict[Name, Kind], Field(min_length=1)]

    @model_validator(mode="after")
    def _know_the_default_kind(self) -> Self:
        if self.default_kind is not None and self.default_kind not in self.kinds:
            message = f"default_kind {self.default_kind!r} is none of {sorted(self.kinds)}"
            raise ValueError(message)
        return self

    @property
    def kind_if_unnamed(self) -> str | None:
        """The kind of a job that names none: the default, or the only one."""
        return next(iter(self.kinds)) if len(self.kinds) == 1 else self.default_kind

    def variables(self) -> dict[str, str]:
        """The credentials that the scheme asks for: its own name of each → the environment variable."""
        fields = self.auth.model_dump(exclude={"scheme", "header", "prefix"})
        return {name: str(variable) for name, variable in fields.items()}


def read_description(path: Path) -> Description:
    """The description in a TOML file. Raises DescriptionError."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"{path.name} cannot be read: {error}"
        raise DescriptionError(message) from error
    return parse_description(text, path.name)


def parse_description(text: str, source: str) -> Description:
    """A description out of TOML text; `source` names it in errors. Raises DescriptionError."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{source} is not TOML: {error}"
        raise DescriptionError(message) from error
    try:
        return Description.model_validate(_with_defaults_in_kinds(values))
    except ValidationError as error:
        lines = [_complaint(details) for details in error.errors()]
        message = f"{source}: " + "; ".join(lines)
        raise DescriptionError(message) from error


def _with_defaults_in_kinds(values: dict[str, Any]) -> dict[str, Any]:
    """Moves the top level's sections of a kind into each kind, behind what the kind says itself."""
    shared = {key: value for key, value in values.items() if key in Kind.model_fields}
    rest = {key: value for key, value in values.items() if key not in shared}
    kinds = values.get("kinds")
    if not isinstance(kinds, dict):
        return rest
    return rest | {"kinds": {name: _merged(shared, kind) for name, kind in kinds.items()}}


def _merged(shared: dict[str, Any], own: Any) -> Any:  # noqa: ANN401 - TOML, not checked yet
    if not isinstance(own, dict):
        return own
    merged = shared | own
    for key in shared.keys() & own.keys():
        if isinstance(shared[key], dict) and isinstance(own[key], dict):
            merged[key] = shared[key] | own[key]
    return merged


def _complaint(details: ErrorDetails) -> str:
    """One error in words: the key, what is wrong, and for an unknown key the nearest one that exists."""
    place = ".".join(str(part) for part in details["loc"]) or "the file"
    if details["type"] != "extra_forbidden":
        return f"{place}: {details['msg'].removeprefix('Value error, ')}"
    key = str(details["loc"][-1])
    if key in _KNOWN_KEYS:
        return f"{place}: this key does not belong here"
    near = get_close_matches(key, _KNOWN_KEYS, n=1)
    return f"{place}: unknown key" + (f"; did you mean {near[0]!r}?" if near else "")


def _every_section(section: type[BaseModel]) -> set[type[BaseModel]]:
    return {section}.union(*(_every_section(below) for below in section.__subclasses__()))


_KNOWN_KEYS = sorted({key for section in _every_section(_Section) for key in section.model_fields})
