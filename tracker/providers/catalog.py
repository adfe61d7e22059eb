"""The providers that this service knows: built in, or from the operator's folder, with their credentials."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tracker.providers.description import BASE_URL, Description, DescriptionError, Kind, read_description
from tracker.providers.interpret import interpret
from tracker.providers.request import MissingParameterError, UnusableValueError, cancel_request, poll_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from store.records import Job
    from tracker.rules.exchange import ExchangeResult, HttpRequest
    from tracker.rules.reading import Answer
    from tracker.rules.schedule import Timing

DEFAULT_ACCOUNT = "default"
_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class ProviderError(Exception):
    """A provider, kind or account that cannot be used; the message says what to do."""


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
        """The documented intervals of a kind."""
        return self._kind(kind).timing.timing()

    def credentials(self, account: str) -> dict[str, str]:
        """The account's credentials. Raises MissingCredentialsError, which names the variables."""
        variables = {name: variable_of(base, account) for name, base in self.description.variables().items()}
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

    def request(self, job: Job) -> HttpRequest:
        """The request that polls a job. Raises ProviderError; UnusableJobError where a value of the job is at fault."""
        kind, credentials = self._kind(job.kind), self.credentials(job.account)
        try:
            return poll_request(self.description, kind, self.base_url, credentials, job)
        except MissingParameterError as error:
            name = error.args[0]
            message = f"Jobs of kind {job.kind!r} of provider {job.provider!r} need the parameter {name!r}."
            raise UnusableJobError(f"/params/{name}", message) from error
        except UnusableValueError as error:
            placeholder, value = error.args
            pointer = "/remote_id" if placeholder == "id" else "/" + placeholder.replace("param.", "params/")
            raise UnusableJobError(pointer, f"{value!r} cannot stand in the path of a URL.") from error

    def cancel_request(self, job: Job) -> HttpRequest | None:
        """The request that cancels a job; None where the kind has none. Raises MissingCredentialsError."""
        cancel = self._kind(job.kind).cancel
        if cancel is None:
            return None
        return cancel_request(self.description, cancel, self.base_url, self.credentials(job.account), job)

    def read(self, job: Job, result: ExchangeResult, now: datetime) -> Answer:
        """What the result of that request says of the job."""
        return interpret(self._kind(job.kind), self.base_url, job, result, now)

    def _kind(self, name: str) -> Kind:
        return self.description.kinds[self.kind(name)]


class Catalog:
    """All providers by name."""

    def __init__(self, descriptions: Iterable[Description], environ: Mapping[str, str]) -> None:
        self._providers = {
            description.name: Provider(description, _base_url(description, environ), environ)
            for description in descriptions
        }

    def find(self, name: str) -> Provider:
        """The provider of this name. Raises ProviderError, which names those that exist."""
        provider = self._providers.get(name)
        if provider is None:
            message = f"There is no provider {name!r}; known are: {', '.join(sorted(self._providers))}."
            raise ProviderError(message)
        return provider

    def __iter__(self) -> Iterable[Provider]:
        return iter(self._providers.values())


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
    own = [read_description(path) for path in sorted(folder.glob("*.toml"))]
    return list({description.name: description for description in [*built_in, *own]}.values())


def variable_of(base: str, account: str) -> str:
    """The variable that holds an account's credential: `team-a` has `…__TEAM_A`. Raises ProviderError."""
    if account == DEFAULT_ACCOUNT:
        return base
    if not _ACCOUNT.fullmatch(account):
        message = f"{account!r} is not an account name: use letters, digits, '-' and '_'."
        raise ProviderError(message)
    return f"{base}__{account.upper().replace('-', '_')}"


def _base_url(description: Description, environ: Mapping[str, str]) -> str:
    variable = f"TRACKER_{description.name.upper().replace('-', '_')}_BASE_URL"
    base_url = (environ.get(variable) or description.base_url).rstrip("/")
    if not re.fullmatch(BASE_URL, base_url):
        message = f"{variable} is {base_url!r}; give a URL like {description.base_url}"
        raise DescriptionError(message)
    return base_url
