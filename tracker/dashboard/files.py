"""The files that pages load: served from the package, under an address that changes with them."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_FOR_GOOD = "public, max-age=31536000, immutable"


async def serve(request: Request) -> Response:
    """`GET /static/{version}/{name}`: kept for good by browsers, unless the page is of another version."""
    name: str = request.path_params["name"]
    if name not in _all_files():
        raise HTTPException(404)
    is_this_version = request.path_params["version"] == _version()
    headers = {
        "cache-control": _FOR_GOOD if is_this_version else "no-cache",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'",
    }
    return Response(_all_files()[name], headers=headers, media_type=_TYPES[name.rpartition(".")[2]])


def address_of(name: str) -> str:
    """Where a file is served. Raises KeyError where there is none of this name."""
    if name not in _all_files():
        raise KeyError(name)
    return f"/static/{_version()}/{name}"


@cache
def _all_files() -> Mapping[str, bytes]:
    folder = files("tracker.dashboard") / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in _TYPES}


@cache
def _version() -> str:
    digest = hashlib.sha256()
    for name, content in sorted(_all_files().items()):
        digest.update(f"{name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:16]
