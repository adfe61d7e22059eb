"""The form of a provider's TOML description, parsed into frozen, checked values.

What stands at the top level of a file holds for each of its kinds; a kind's own table goes before it, key by key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Self

import orjson
from pydantic import Field, ValidationError, model_validator

from tracker.providers.complaints import complaints
from tracker.providers.contents import ErrorPointers, History, Progress, Steps, Times
from tracker.providers.flaws import flaw_at
from tracker.providers.forms import (
    BASE_URL,
    BaseUrl,
    Body,
    Docs,
    HeaderName,
    HeaderValue,
    HostPattern,
    Method,
    Name,
    PathOrUrl,
    Pointer,
    Seconds,
    Template,
    Title,
    flaw_of_static_header,
)
from tracker.providers.sections import (
    Auth,
    BudgetSection,
    CancelRequest,
    Hints,
    ListRequest,
    Rule,
    Section,
    StatusMap,
    Submit,
    TimingSection,
)
from tracker.providers.templates import PLACEHOLDER, texts_of, url_parameter
from tracker.providers.written import UnusableFileError, values_in, with_shared_in_kinds
from tracker.rules.schedule import NOT_FOUND_GRACE, Timing

if TYPE_CHECKING:
    import pathlib

__all__ = ["BASE_URL", "Description", "DescriptionError", "Kind", "parse_description", "read_description"]

_OF_THE_BODY = ("id", "status", "progress", "output", "error", "times", "history", "steps", "list")
"""The keys of a kind that say where something stands in a body."""


class DescriptionError(Exception):
    """A description that cannot be used; the message names the file, the key and the way out."""


class Kind(Section):
    """A sort of job: the request that polls it, and how to read the answer.

    Templates hold `{id}`, `{kind}` and `{param.NAME}`. A `path` that is nothing but `{param.NAME}` is a whole URL that
    the job brings, on one of the description's `hosts`. `result_urls` are shown as output once a job succeeded.
    """

    method: Method = "GET"
    path: PathOrUrl
    query: dict[str, Template] = Field(default_factory=dict)
    body: Body | None = None
    conditional: bool = False
    ignore_body: bool = False
    id: tuple[Pointer, ...] = ()
    status: StatusMap | None = None
    rules: tuple[Rule, ...] = ()
    progress: Progress | None = None
    output: dict[str, Pointer] = Field(default_factory=dict)
    result_urls: dict[str, PathOrUrl] = Field(default_factory=dict)
    result_lifetime: Seconds | None = None
    error: ErrorPointers | None = None
    times: Times = Times()
    history: History | None = None
    steps: Steps | None = None
    hints: Hints = Hints()
    model: Pointer | None = None
    not_found_grace: Annotated[float, Field(ge=0, le=86_400)] = NOT_FOUND_GRACE
    list: ListRequest | None = None
    cancel: CancelRequest | None = None
    timing: TimingSection

    @model_validator(mode="after")
    def _know_where_urls_lead(self) -> Self:
        if url_parameter(self.path) and self.query:
            raise flaw_at("query", f"it cannot be added to the URL that {self.path} holds")
        return self

    @model_validator(mode="after")
    def _name_the_job(self) -> Self:
        texts = (self.path, *self.query.values(), *texts_of(self.body))
        names = [name for text in texts for name in PLACEHOLDER.findall(text)]
        if not any(name in ("id", "+id") or "param." in name for name in names):
            raise flaw_at("path", "the request does not name the job: use {id}")
        return self

    @model_validator(mode="after")
    def _tell_the_status_somehow(self) -> Self:
        if self.status is None and not any(rule.status for rule in self.rules):
            message = "the status is told neither by a status map nor by rules"
            raise ValueError(message)
        if self.status is not None and not self.status.has_words:
            raise flaw_at("status", "it has no words: name those of succeeded, failed, running and so on")
        by_words = self.status is not None and self.status.tells_an_end
        if not by_words and not any(rule.status and rule.status.is_final for rule in self.rules):
            place = "status" if self.status else "rules"
            raise flaw_at(place, "nothing ends a job: say what succeeded and failed look like")
        if self.history is not None and self.status is None:
            raise flaw_at("history", "it needs status, whose words tell what its items mean")
        return self

    @model_validator(mode="after")
    def _compare_words_in_one_way(self) -> Self:
        if self.status is not None:
            for condition in (condition for rule in self.rules for condition in rule.where):
                condition.fold_case_with(self.status)
        return self

    @model_validator(mode="after")
    def _read_no_body_that_is_ignored(self) -> Self:
        if not self.ignore_body:
            return self
        read = next((name for name in _OF_THE_BODY if name in self.model_fields_set and getattr(self, name)), None)
        if read is not None:
            raise flaw_at(read, "ignore_body leaves the body unread, and with it this: take one of the two away")
        if self.hints.until or self.hints.seconds:
            raise flaw_at("hints", "ignore_body leaves the body unread: of hints, headers_ms alone goes with it")
        if any(rule.where or rule.empty is not None for rule in self.rules):
            raise flaw_at("rules", "ignore_body leaves only rules on the HTTP code")
        return self

    @model_validator(mode="after")
    def _know_the_rows_of_a_list(self) -> Self:
        if self.list is None:
            return self
        if not self.id:
            message = "a list needs id, which tells whose row is whose"
            raise ValueError(message)
        texts = (self.list.path, *self.list.query.values(), *texts_of(self.list.body))
        if any(name.removeprefix("+") == "id" for text in texts for name in PLACEHOLDER.findall(text)):
            message = "a list asks for many jobs: use {ids}, not {id}"
            raise ValueError(message)
        return self

    def paths(self) -> tuple[str, ...]:
        """Every path template of the kind that a job must be able to fill."""
        cancel = [] if self.cancel is None or url_parameter(self.cancel.path) else [self.cancel.path]
        return (self.path, *self.result_urls.values(), *cancel)

    def documented_timing(self) -> Timing:
        """The documented intervals and bounds, as the rules have them."""
        known = self.timing
        return Timing(
            known.interval if known.first is None else known.first,
            known.interval,
            known.multiplier,
            known.cap,
            known.timeout,
            known.minimum,
            self.result_lifetime,
            self.not_found_grace,
            known.typical,
            known.delay_per_poll,
            known.max_delay,
            tells_queue=self.status is not None and bool(self.status.queued),
        )


class Description(Section):
    """One provider."""

    name: Name
    title: Title
    docs: Docs | None = None
    base_url: BaseUrl
    hosts: tuple[HostPattern, ...] = ()
    auth: Auth
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    budget: BudgetSection = BudgetSection()
    default_kind: Name | None = None
    submits: tuple[Submit, ...] = ()
    kinds: Annotated[dict[Name, Kind], Field(min_length=1)]

    @model_validator(mode="after")
    def _know_the_default_kind(self) -> Self:
        if self.default_kind is not None and self.default_kind not in self.kinds:
            raise flaw_at("default_kind", f"{self.default_kind!r} is none of {sorted(self.kinds)}")
        return self

    @model_validator(mode="after")
    def _know_the_kinds_of_submits(self) -> Self:
        for submit in self.submits:
            if (submit.kind or self.kind_if_unnamed) not in self.kinds:
                message = f"the submit {submit.path!r} makes jobs of kind {submit.kind!r}, none of {sorted(self.kinds)}"
                raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _leave_headers_that_are_no_constants(self) -> Self:
        own = self.auth.header.lower() if self.auth.scheme == "header" else None
        for name in self.headers:
            flaw = "credentials go into auth" if name.lower() == own else flaw_of_static_header(name)
            if flaw:
                raise flaw_at(("headers", name), flaw)
        return self

    @model_validator(mode="after")
    def _name_the_hosts_of_urls(self) -> Self:
        kinds = self.kinds.values()
        templates = [text for kind in kinds for text in (kind.path, *kind.result_urls.values())]
        templates += [kind.cancel.path for kind in kinds if kind.cancel]
        if any(map(url_parameter, templates)) and not self.hosts:
            message = "a URL that a job brings needs hosts, the names of those that it may lead to"
            raise ValueError(message)
        if self.hosts and all(host.startswith("!") for host in self.hosts):
            raise flaw_at("hosts", "it has nothing but exceptions: name the hosts that they are excepted from")
        return self

    @property
    def kind_if_unnamed(self) -> str | None:
        """The kind of a job that names none: the default, or the only one."""
        return next(iter(self.kinds)) if len(self.kinds) == 1 else self.default_kind

    def variables(self) -> dict[str, str]:
        """The credentials that the scheme asks for: its own name of each → the environment variable."""
        fields = self.auth.model_dump(exclude={"scheme", "header", "prefix"})
        return {name: str(variable) for name, variable in fields.items()}


def read_description(path: pathlib.Path) -> Description:
    """The description in a TOML file. Raises DescriptionError."""
    try:
        # Some editors begin a file with a byte order mark, which TOML does not know.
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path.name} cannot be read, for it is not UTF-8: save it as UTF-8"
        raise DescriptionError(message) from error
    except OSError as error:
        message = f"{path.name} cannot be read: {error}"
        raise DescriptionError(message) from error
    return parse_description(text, path.name)


def parse_description(text: str, source: str) -> Description:
    """A description out of TOML text; `source` names it in errors. Raises DescriptionError."""
    try:
        values = values_in(text)
        # As JSON, since a strict reading of Python values would want tuples where TOML has lists.
        whole = orjson.dumps(with_shared_in_kinds(values, Kind.model_fields.keys()))
        return Description.model_validate_json(whole, strict=True)
    except UnusableFileError as error:
        message = f"{source} {error}"
        raise DescriptionError(message) from error
    except orjson.JSONEncodeError as error:
        message = f"{source} holds a value that cannot be used: {error}"
        raise DescriptionError(message) from error
    except ValidationError as error:
        message = f"{source}: " + "; ".join(complaints(error, values, Description))
        raise DescriptionError(message) from error
