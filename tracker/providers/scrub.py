"""Blots out our own credentials where a provider repeats them: answers end up in readings, events and logs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from tracker.rules.exchange import ExchangeResult, HttpAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOT = "[credential]"
_SHORTEST = 8
"""Characters: shorter credentials are no secrets, and may well stand in an answer by chance."""


def scrubbed(result: ExchangeResult, secrets: Sequence[str]) -> ExchangeResult:
    """The result without the secrets, in whatever way JSON may spell them."""
    if not isinstance(result, HttpAnswer):
        return result
    sought = [secret for secret in secrets if len(secret) >= _SHORTEST]
    body = result.body
    if not any(secret.encode() in body for secret in sought) and b"\\" not in body:
        return result
    return replace(result, body=_without(body, sought))


def _without(body: bytes, secrets: Sequence[str]) -> bytes:
    try:
        return orjson.dumps(_blotted(orjson.loads(body), secrets))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        # Nothing is read out of what is not JSON but its first complaint.
        for secret in secrets:
            body = body.replace(secret.encode(), BLOT.encode())
        return body


def _blotted(value: Any, secrets: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, BLOT)
        return value
    if isinstance(value, dict):
        return {_blotted(name, secrets): _blotted(part, secrets) for name, part in value.items()}
    return [_blotted(part, secrets) for part in value] if isinstance(value, list) else value
