"""What of an output can be looked at: the addresses in it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from tracker.dashboard.spelling import is_web_address

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 100
_IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif", ".svg", ".bmp")
_VIDEOS = (".mp4", ".webm", ".mov", ".m4v", ".ogv")


@dataclass(frozen=True, slots=True)
class Medium:
    """An address in an output: where in it, and what it seems to lead to."""

    pointer: str
    address: str
    kind: Literal["image", "video", "any"]


def media_in(output: Any) -> list[Medium]:  # noqa: ANN401 - JSON
    """The first hundred addresses of an output, in its order."""
    return list(islice(_media(output, ""), MOST))


def _media(value: Any, pointer: str) -> Iterator[Medium]:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _media(each, f"{pointer}/{key}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _media(each, f"{pointer}/{number}")
    elif is_web_address(value):
        yield Medium(pointer, value, _kind(value))


def _kind(address: str) -> Literal["image", "video", "any"]:
    path = urlsplit(address).path.lower()
    return "image" if path.endswith(_IMAGES) else "video" if path.endswith(_VIDEOS) else "any"
