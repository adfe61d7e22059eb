"""The providers that this service knows: built in, or from the operator's folder, with their credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracker.providers import listing
from tracker.providers.description import Description, DescriptionError, Kind, read_description
from tracker.providers.environment import (
    DEFAULT_ACCOUNT,
    SETTINGS,
    ProviderError,
    base_url_of,
    budget_of,
    prefix_of,
    variable_of,
)
from tracker.providers.interpret import interpret, refused
from tracker.providers.pointer import resolve
from tracker.providers.request import cancel_request, poll_request
from tracker.providers.scrub import scrubbed
from tracker.providers.templates import MissingParameterError, UnusableValueError
from tracker.providers.values import text_of
from tracker.rules.accounts import DEFAULT_BUDGET, Budget
from tracker.rules.schedule import Timing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from store.records import Job
    from tracker.providers.listing import PageOf
    from tracker.rules.exchange import ExchangeResult, HttpRequest
    from tracker.rules.reading import Answer, Problem

_LONGEST_MODEL = 100
_TIMING_OF_STRANGERS = Timing(first=60, interval=60)


class MissingCredentialsError(ProviderError):
    """An account's environment variables are not set."""


class UnusableJobError(ProviderError):
    """A job that no poll request can be made for; `pointer` leads to the field at fault."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(message)
        self.pointer = pointer


@dataclass(frozen=True, slots=True)
class Provider:
    """A description together with where it is reached and by which credentials."""

    description: Description
    base_url: str
    environ: Mapping[str, str]
    _credentials: dict[str, dict[str, str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _timings: dict[str, Timing] = field(default_factory=dict, init=False, repr=False, compare=False)

    def kind(self, name: str | None) -> str:
        """The name of a kind that exists; None asks for the usual one. Raises ProviderError."""
        known = self.description.kinds
        chosen = name or self.description.kind_if_unnamed
        if chosen is None or chosen not in known:
            said = f"has no kind {name!r}" if name else "has several kinds"
            message = f"Provider {self.description.name!r} {said}; name one of: {', '.join(sorted(known))}."
            raise ProviderError(message)
        return chosen

    def timing(self, kind: str) -> Timing:
        """The documented intervals of a kind. Raises ProviderError."""
        known = self._timings.get(kind)
        if known is None:
            known = self._timings[kind] = self._kind(kind).documented_timing()
        return known

    def model(self, kind: str, params: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
        """The model, or job type, that a job names where its description looks for one; "": none."""
        pointer = self._kind(kind).model
        named = None if pointer is None else resolve({"params": params, "metadata": metadata}, pointer)
        return text_of(named)[:_LONGEST_MODEL] if isinstance(named, (str, int)) and named != "" else ""

    def has_list(self, kind: str) -> bool:
        """Whether one request can ask for many jobs of a kind. Raises ProviderError."""
        return self._kind(kind).list is not None

    def most_by_one_request(self, kind: str) -> int | None:
        """How many jobs a list request can name; None: it names none. Raises ProviderError."""
        wanted = self._kind(kind).list
        return wanted.limit if wanted is not None and listing.asks_by_id(self._kind(kind)) else None

    def budget(self, account: str) -> Budget:
        """What polling may take of an account: the description's, or what the settings say instead."""
        return budget_of(self.description, account, self.environ)

    def accounts(self) -> list[str]:
        """The accounts whose credentials are all there."""
        variables = self.description.variables().values()
        if not variables:
            return [DEFAULT_ACCOUNT]
        first, *_ = variables
        named = [name.removeprefix(f"{first}__") for name in self.environ if name.startswith(f"{first}__")]
        known = [DEFAULT_ACCOUNT, *(name.lower().replace("_", "-") for name in sorted(named) if name)]
        return [each for each in known if all(self.environ.get(variable_of(base, each)) for base in variables)]

    def credentials(self, account: str) -> dict[str, str]:
        """The account's credentials. Raises MissingCredentialsError, which names the variables."""
        known = self._credentials.get(account)
        if known is None:
            known = self._credentials[account] = self._read_credentials(account)
        return known

    def _read_credentials(self, account: str) -> dict[str, str]:
        variables = self.variables(account)
        missing = [variable for variable in variables.values() if not self.environ.get(variable)]
        if missing:
            message = (
                f"Account {account!r} of provider {self.description.name!r} has no credentials: "
                f"set {' and '.join(missing)} in the service's environment and restart it."
            )
            raise MissingCredentialsError(message)
        for variable in variables.values():
            # HTTP Basic encodes whatever it is given; the other schemes put it into a header as it is.
            is_encoded = self.description.auth.scheme == "basic"
            if not is_encoded and not re.fullmatch(r"[ -~]+", self.environ[variable]):
                message = f"{variable} holds a character that no HTTP header carries; give it in ASCII."
                raise MissingCredentialsError(message)
        return {name: self.environ[variable] for name, variable in variables.items()}

    def variables(self, account: str) -> dict[str, str]:
        """The environment variables that hold an account's credentials, by the scheme's names. Raises ProviderError."""
        # A provider without credentials has no variable whose making would refuse a wrong name.
        variable_of("", account)
        return {name: variable_of(base, account) for name, base in self.description.variables().items()}

    def request(self, job: Job) -> HttpRequest:
        """The request that polls a job. Raises ProviderError; UnusableJobError where a value of the job is at fault."""
        kind, credentials = self._kind(job.kind), self.credentials(job.account)
        missing = f"Jobs of kind {job.kind!r} of provider {job.provider!r} need the parameter"
        return self._made(lambda: poll_request(self.description, kind, self.base_url, credentials, job), missing)

    def cancel_request(self, job: Job) -> HttpRequest | None:
        """The request that cancels a job; None where there is none. Raises ProviderError."""
        cancel, credentials = self._kind(job.kind).cancel, self.credentials(job.account)
        if cancel is None:
            return None
        missing = "The provider cannot cancel a job that has no parameter"
        return self._made(lambda: cancel_request(self.description, cancel, self.base_url, credentials, job), missing)

    def read(self, job: Job, result: ExchangeResult, now: datetime) -> Answer:
        """What the result of that request says of the job; a credential that it repeats is blotted out."""
        safe = scrubbed(result, self.secrets(job.account))
        return interpret(self._kind(job.kind), self.base_url, job, safe, now)

    def cancel_problem(self, job: Job, result: ExchangeResult, now: datetime) -> Problem | None:
        """Why the provider did not accept to cancel a job, in its own words where it gives some; None: it did."""
        return refused(self._kind(job.kind), scrubbed(result, self.secrets(job.account)), now)

    def list_key(self, job: Job, now: datetime) -> str | None:
        """Jobs with one key can be asked for by one request; None: this one only alone. Raises ProviderError."""
        return listing.can_be_listed(self._kind(job.kind), self.base_url, job, now)

    def list_request(self, jobs: Sequence[Job], page: str | None) -> HttpRequest:
        """The request for a page of the list that shows these jobs, which have one key. Raises ProviderError."""
        kind, credentials = self._kind(jobs[0].kind), self.credentials(jobs[0].account)
        return listing.list_request(self.description, kind, self.base_url, credentials, jobs, page)

    def read_page(self, jobs: Sequence[Job], result: ExchangeResult, now: datetime) -> PageOf:
        """What a page says of these jobs; a credential that it repeats is blotted out."""
        safe = scrubbed(result, self.secrets(jobs[0].account))
        return listing.read_page(self._kind(jobs[0].kind), self.base_url, self.description.hosts, jobs, safe, now)

    def secrets(self, account: str) -> list[str]:
        """What the account's variables hold; "" for one that is not set."""
        known = self._credentials.get(account)
        if known is not None:
            return list(known.values())
        return [self.environ.get(variable, "") for variable in self.variables(account).values()]

    def _kind(self, name: str) -> Kind:
        return self.description.kinds[self.kind(name)]

    def _made(self, make: Callable[[], HttpRequest], missing: str) -> HttpRequest:
        """A request; what makes none is told by the field of the job that is at fault."""
        try:
            return make()
        except MissingParameterError as error:
            name = error.args[0]
            raise UnusableJobError(f"/params/{name}", f"{missing} {name!r}.") from error
        except UnusableValueError as error:
            raise self._unusable(*error.args) from error

    def _unusable(self, placeholder: str, value: str) -> UnusableJobError:
        pointer = "/remote_id" if placeholder == "id" else "/" + placeholder.replace("param.", "params/")
        hosts = self.description.hosts
        if hosts and placeholder.startswith("param.") and "://" in value:
            offer = f"give an https URL on {' or '.join(hosts)}"
            return UnusableJobError(pointer, f"{value!r} is not a URL that may be polled: {offer}.")
        return UnusableJobError(pointer, f"{value!r} cannot stand in the path of a URL.")


class Catalog:
    """All providers by name. Raises DescriptionError where a setting of a provider cannot be used."""

    def __init__(self, descriptions: Iterable[Description], environ: Mapping[str, str]) -> None:
        self._providers = {each.name: _provider(each, environ) for each in descriptions}

    def take_credentials(self, environ: Mapping[str, str]) -> None:
        """Uses the credentials of another environment from now on, and nothing else of it."""
        self._providers = {name: _with_credentials(known, environ) for name, known in self._providers.items()}

    def setting_names(self, environ: Iterable[str]) -> set[str]:
        """Those of these names that are settings of a provider, for one account or for all."""
        bases = set(self.all_setting_names())
        return {name for name in environ if name.partition("__")[0] in bases}

    def all_setting_names(self) -> list[str]:
        """The settings of every provider."""
        return [f"{prefix_of(each.description)}_{of}" for each in self for of in SETTINGS]

    def find(self, name: str) -> Provider:
        """The provider of this name. Raises ProviderError, which names those that exist."""
        provider = self._providers.get(name)
        if provider is None:
            message = f"There is no provider {name!r}; known are: {', '.join(sorted(self._providers))}."
            raise ProviderError(message)
        return provider

    def timing(self, provider: str, kind: str) -> Timing:
        """The documented intervals of a kind; unhurried ones, where it is not described any more."""
        try:
            return self.find(provider).timing(kind)
        except ProviderError:
            return _TIMING_OF_STRANGERS

    def model(self, job: Job) -> str:
        """The model that a job names, where its description looks for one; "": none."""
        try:
            return self.find(job.provider).model(job.kind, job.params, job.metadata)
        except ProviderError:
            return ""

    def budget(self, provider: str, account: str) -> Budget:
        """What polling may take of an account; the usual, where the provider is not described any more."""
        known = self._providers.get(provider)
        return DEFAULT_BUDGET if known is None else known.budget(account)

    def __iter__(self) -> Iterator[Provider]:
        return iter(self._providers.values())


def _provider(description: Description, environ: Mapping[str, str]) -> Provider:
    provider = Provider(description, base_url_of(description, environ), environ)
    for account in {DEFAULT_ACCOUNT, *provider.accounts()}:
        provider.budget(account)  # told now where a setting cannot be used
    return provider


def _with_credentials(provider: Provider, environ: Mapping[str, str]) -> Provider:
    bases = tuple(provider.description.variables().values())
    known = {name: value for name, value in provider.environ.items() if not _is_credential(name, bases)}
    new = {name: value for name, value in environ.items() if _is_credential(name, bases)}
    return replace(provider, environ=known | new)


def _is_credential(name: str, bases: Iterable[str]) -> bool:
    return any(name == base or name.startswith(f"{base}__") for base in bases)


def load_descriptions(folder: Path | None) -> list[Description]:
    """The built-in descriptions and those in `folder`; one with a built-in's name replaces it.

    Raises DescriptionError.
    """
    built_in = [read_description(path) for path in sorted(Path(__file__).parent.glob("*.toml"))]
    if folder is None:
        return built_in
    if not folder.is_dir():
        message = f"TRACKER_PROVIDERS_DIR: {folder} is not a folder"
        raise DescriptionError(message)
    own = {path.name: read_description(path) for path in sorted(folder.glob("*.toml"))}
    _refuse_doubles(own)
    return list({description.name: description for description in [*built_in, *own.values()]}.values())


def _refuse_doubles(own: Mapping[str, Description]) -> None:
    """Raises DescriptionError where two files describe one provider, or providers that would share their settings."""
    files: dict[str, str] = {}
    for file, description in own.items():
        name = prefix_of(description)
        if name in files:
            message = f"{files[name]} and {file} both describe {description.name!r}, or share its settings; rename one"
            raise DescriptionError(message)
        files[name] = file
