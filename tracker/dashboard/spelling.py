"""How values are spelled on pages: pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SPANS = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))


def moment(text: str) -> datetime:
    """The time that the API tells so."""
    return datetime.fromisoformat(text)


def clock(text: str) -> str:
    """A time of the API for people, until a script tells it in their own zone."""
    return f"{moment(text).astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float) -> str:
    """How long something takes: its two greatest units, as in `2 min 5 s`."""
    if seconds < 10:
        return f"{round(seconds * 1000)} ms" if seconds < 1 else f"{seconds:.1f} s"
    left = round(seconds)
    parts: list[str] = []
    for unit, size in _SPANS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(filter(None, parts[:2]))


def percent(fraction: float) -> str:
    """A part of one as percents, never 100 before it is all."""
    return f"{int(fraction * 100)} %"


def typed_time(text: str) -> str:
    """A time of the API as a field for times takes it."""
    return text.removesuffix("Z")


def words(name: str) -> str:
    """A name of the API for people: `action_required` is `action required`."""
    return name.replace("_", " ")


def shortened(text: str, most: int) -> str:
    """A text of so many characters at most, the last of which tells that there is more."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def pretty_json(value: Any) -> str:  # noqa: ANN401 - JSON
    """A JSON value over several lines."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def is_web_address(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a value is a URL that may be a link: http or https, and nothing that a browser would run."""
    if not (isinstance(value, str) and value.isprintable() and value.lower().startswith(("http://", "https://"))):
        return False
    try:
        return bool(urlsplit(value).hostname)
    except ValueError:
        return False


def tone(word: str) -> str:
    """The status whose colour a provider's own word for a step gets: a guess, which the word beside it mends."""
    return next((status for status, parts in _TONES.items() if any(part in word.lower() for part in parts)), "queued")


_TONES = {
    "canceled": ("cancel", "skip", "abort"),
    "failed": ("fail", "error", "reject"),
    "action_required": ("approval", "waiting"),
    "succeeded": ("success", "succeed", "complete", "done", "finish", "approved"),
    "running": ("process", "progress", "running", "started"),
}

FILTERS: Mapping[str, Callable[..., Any]] = {
    "moment": moment,
    "tone": tone,
    "clock": clock,
    "span": span,
    "percent": percent,
    "typed_time": typed_time,
    "words": words,
    "pretty_json": pretty_json,
}
TESTS: Mapping[str, Callable[..., bool]] = {"web_address": is_web_address}
