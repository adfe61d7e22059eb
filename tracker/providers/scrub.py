"""Blots out our own credentials where a provider repeats them: answers end up in readings, events and logs."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson

from tracker.rules.exchange import ExchangeFailure, ExchangeResult

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOT = "[credential]"
_SHORTEST = 8
"""Characters: shorter credentials are no secrets, and may well stand in an answer by chance."""

_KEPT_ACCOUNTS = 256
"""Accounts whose secrets are spelled out once, and not for each answer."""


def scrubbed(result: ExchangeResult, secrets: Sequence[str]) -> ExchangeResult:
    """The result without the secrets, in whatever way JSON or HTTP Basic may spell them."""
    sought = _spellings(tuple(secrets))
    if isinstance(result, ExchangeFailure):
        return replace(result, message=_blotted(result.message, sought))
    headers, body = result.headers, result.body
    all_values = "\n".join(headers.values())
    if any(secret in all_values for secret in sought):
        headers = {name: _blotted(value, sought) for name, value in headers.items()}
    if any(secret.encode() in body for secret in sought) or b"\\" in body:
        body = _without(body, sought)
    is_clean = body is result.body and headers is result.headers
    return result if is_clean else replace(result, headers=headers, body=body)


@lru_cache(_KEPT_ACCOUNTS)
def _spellings(secrets: tuple[str, ...]) -> list[str]:
    """The secrets, and all of them as HTTP Basic sends them; the longest first, so that none hides part of another."""
    pair = base64.b64encode(":".join(secrets).encode()).decode()
    return sorted((each for each in {*secrets, pair} if len(each) >= _SHORTEST), key=len, reverse=True)


def _without(body: bytes, secrets: Sequence[str]) -> bytes:
    try:
        return orjson.dumps(_blotted(orjson.loads(body), secrets))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError, RecursionError):
        # Not JSON, or nested too deeply to be written: it is blotted as it stands.
        for secret in secrets:
            for spelled in (secret, json.dumps(secret)[1:-1]):
                body = body.replace(spelled.encode(), BLOT.encode())
        return body


def _blotted(value: Any, secrets: Sequence[str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, BLOT)
        return value
    if isinstance(value, dict):
        return {_blotted(name, secrets): _blotted(part, secrets) for name, part in value.items()}
    return [_blotted(part, secrets) for part in value] if isinstance(value, list) else value
