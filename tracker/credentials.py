"""Credentials that change while the service runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracker.providers.environment import ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracker.accounts import Account, Accounts
    from tracker.providers.catalog import Catalog


def take_credentials(environ: Mapping[str, str], catalog: Catalog, accounts: Accounts) -> None:
    """Has requests carry other credentials, and forgives the accounts that were suspended for the old ones."""
    before = {account: _secrets_of(account, catalog) for account in accounts}
    catalog.take_credentials(environ)
    for account, secrets in before.items():
        if _secrets_of(account, catalog) != secrets:
            account.forgive()


def _secrets_of(account: Account, catalog: Catalog) -> list[str]:
    try:
        return catalog.find(account.provider).secrets(account.name)
    except ProviderError:
        return []
