"""What the environment says of a provider: the names of its variables, its base URL, its budgets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tracker.providers.description import BASE_URL, Description, DescriptionError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracker.rules.accounts import Budget

DEFAULT_ACCOUNT = "default"
SETTINGS = ("BASE_URL", "REQUESTS_PER_SECOND", "CONCURRENT")
"""What can be set of each provider, behind `TRACKER_<PROVIDER>_`."""

_ACCOUNT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_MOST_A_SECOND = 10_000.0


class ProviderError(Exception):
    """A provider, kind or account that cannot be used; the message says what to do."""


def variable_of(base: str, account: str) -> str:
    """The variable that holds what is an account's own: `team-a` has `…__TEAM_A`. Raises ProviderError."""
    if not _ACCOUNT.fullmatch(account):
        message = f"{account!r} is not an account name: use letters, digits, '-' and '_'."
        raise ProviderError(message)
    return base if account == DEFAULT_ACCOUNT else f"{base}__{account.upper().replace('-', '_')}"


def budget_of(description: Description, account: str, environ: Mapping[str, str]) -> Budget:
    """The description's budget, with what `TRACKER_<PROVIDER>_REQUESTS_PER_SECOND` and `…_CONCURRENT` say instead.

    Those of an account (`…__TEAM_A`) go before those of the provider. Raises DescriptionError.
    """
    known = description.budget
    return known.model_copy(
        update={
            name: setting
            for name in ("requests_per_second", "concurrent")
            if (setting := _setting(description, name, account, environ)) is not None
        }
    ).budget()


def _setting(description: Description, name: str, account: str, environ: Mapping[str, str]) -> float | int | None:
    base = f"{prefix_of(description)}_{name.upper()}"
    variable = next((each for each in (variable_of(base, account), base) if environ.get(each)), None)
    if variable is None:
        return None
    is_whole = name == "concurrent"
    text = environ[variable]
    form = r"[0-9]{1,5}" if is_whole else r"[0-9]{1,5}(\.[0-9]{1,6})?"
    number = float(text) if re.fullmatch(form, text) else 0.0
    if not 0 < number <= _MOST_A_SECOND:
        sort = "a whole number" if is_whole else "a number"
        message = f"{variable} is {text!r}; give {sort} above 0 and up to {_MOST_A_SECOND:.0f}"
        raise DescriptionError(message)
    return int(number) if is_whole else number


def prefix_of(description: Description) -> str:
    """What every setting of a provider begins with."""
    return f"TRACKER_{description.name.upper().replace('-', '_')}"


def base_url_of(description: Description, environ: Mapping[str, str]) -> str:
    """Where a provider is reached. Raises DescriptionError."""
    variable = f"{prefix_of(description)}_BASE_URL"
    base_url = (environ.get(variable) or description.base_url).rstrip("/")
    if not re.fullmatch(BASE_URL, base_url):
        message = f"{variable} is {base_url!r}; give a URL like {description.base_url}"
        raise DescriptionError(message)
    return base_url
