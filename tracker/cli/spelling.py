"""A request as FORMAT.md writes it: its line, its headers, and its body behind an empty line."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracker.providers.description import Description
    from tracker.rules.exchange import HttpRequest

_UNSAID = ("accept", "accept-encoding", "user-agent")
"""Every request has these, so they are left out where the description does not give them."""


def request_document(request: HttpRequest, description: Description) -> dict[str, Any]:
    """A request's parts, with lower-case names of headers, and with what Basic encodes in plain text."""
    given = {name.lower() for name in description.headers}
    headers = {name.lower(): value for name, value in sorted(request.headers.items(), key=lambda item: item[0].lower())}
    kind, _, value = headers.get("authorization", "").partition(" ")
    if description.auth.scheme == "basic" and kind == "Basic":
        headers["authorization"] = f"Basic base64({base64.b64decode(value).decode()})"
    shown = {name: value for name, value in headers.items() if name not in _UNSAID or name in given}
    body = json.loads(request.content) if request.content else None
    return {"method": request.method, "url": request.url, "headers": shown, "body": body}


def spelled(document: dict[str, Any]) -> str:
    """The same as a text."""
    headers = [f"{name}: {value}" for name, value in document["headers"].items()]
    body = ["", json.dumps(document["body"])] if document["body"] is not None else []
    return "\n".join([f"{document['method']} {document['url']}", *headers, *body])
