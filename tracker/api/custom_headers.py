"""The headers that a subscription adds to its webhooks: checked, sealed, and kept from who may not see their values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tracker.api.payloads import MASK
from tracker.api.problems import wrong_field

if TYPE_CHECKING:
    from collections.abc import Mapping

    from store.records import Sealed, Subscription
    from store.vault import Vault
    from tracker.api.bodies import SubscriptionChanges

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VISIBLE = re.compile(r"[\x20-\x7e]*")
_OURS = ("webhook-", "content-")
_FORBIDDEN = ("host", "transfer-encoding", "connection", "expect")


def sealed_headers(headers: Mapping[str, str], vault: Vault) -> dict[str, Sealed]:
    """Headers as they are stored: they often hold a credential."""
    return {name: vault.seal(value) for name, value in headers.items()}


def refuse_wrong_headers(headers: Mapping[str, str]) -> None:
    """Raises ApiError 422 for a header that is none, or is not the subscription's to set."""
    for name, value in headers.items():
        _refuse_header(name, value)


def refuse_to_send_headers_elsewhere(before: Subscription, body: SubscriptionChanges) -> None:
    """Who may not see the values of headers must not have them sent to an address of their choice. Raises ApiError."""
    is_elsewhere = body.callback_url not in (None, before.callback_url)
    if is_elsewhere and before.headers and "headers" not in body.model_fields_set:
        detail = "Headers would go there with values that your key may not see; give headers too, or use an admin key."
        raise wrong_field("/callback_url", detail)


def _refuse_header(name: str, value: str) -> None:
    if not _TOKEN.fullmatch(name):
        raise wrong_field("/headers", f"{name!r} is no header name.")
    if name.lower().startswith(_OURS) or name.lower() in _FORBIDDEN:
        raise wrong_field("/headers", f"The header {name!r} is set by Tracker or by the connection.")
    if not _VISIBLE.fullmatch(value) or value != value.strip():
        raise wrong_field("/headers", f"The value of {name!r} must be printable ASCII without outer spaces.")
    if value == MASK:
        raise wrong_field("/headers", f"{MASK} stands for the value of {name!r}, which admin keys see; give the value.")
