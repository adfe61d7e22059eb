"""What a browser sends by a form."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

_LARGEST = 256 * 1024
_MOST_FIELDS = 1000


class Form:
    """The fields of a form, in their order."""

    def __init__(self, fields: Sequence[tuple[str, str]] = ()) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """What was typed into a field, without the spaces around it; the last one of this name."""
        return (self.texts(name) or [""])[-1].strip()

    def texts(self, name: str) -> list[str]:
        """What was given for every field of this name."""
        return [value for given, value in self._fields if given == name]


async def read_form(request: Request) -> Form:
    """The form that a request carries. Raises HTTPException."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST:
            raise HTTPException(413, f"A form may have {_LARGEST // 1024} KiB.")
    try:
        return Form(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise HTTPException(400, "This is no form.") from error


def is_from_here(request: Request) -> bool:
    """Whether a page of ours has sent this, as far as the browser tells: no script can change what it says."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")


def local_path(text: str) -> str:
    """Where a login leads to: the text, if that is a path of ours, or else the first page."""
    is_plain = text.isascii() and text.isprintable() and "\\" not in text
    return text if is_plain and text.startswith("/") and not text.startswith("//") else "/"
