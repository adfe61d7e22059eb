"""JSON pointers (RFC 6901) over parsed JSON, with one addition: a segment `*` stands for every item of a list."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

POINTER = r"^(/([^~/]|~[01])*)*$"
"""What a pointer looks like."""
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
"""An array index: no sign, no leading zeros (RFC 6901, 4)."""
_KEPT_POINTERS = 4096


def resolve(document: Any, pointer: str) -> Any:  # noqa: ANN401 - JSON
    """What the pointer leads to; None where it leads nowhere. Behind a `*` it is a list of what was found."""
    value = document
    for name, rest in _steps_of(pointer):
        if name == "*" and isinstance(value, list):
            return [found for item in value if (found := resolve(item, rest)) is not None]
        value = value.get(name) if isinstance(value, dict) else _item(value, name)
        if value is None:
            return None
    return value


@lru_cache(_KEPT_POINTERS)
def _steps_of(pointer: str) -> tuple[tuple[str, str], ...]:
    """The names along the way, each with the pointer that is left behind it."""
    segments = pointer.split("/")[1:]
    names = [segment.replace("~1", "/").replace("~0", "~") for segment in segments]
    rests = ["".join(f"/{segment}" for segment in segments[index + 1 :]) for index in range(len(segments))]
    return tuple(zip(names, rests, strict=True))


class Nothing:
    """What a pointer leads to that leads nowhere, where that is to be told from null."""


def look_up(document: Any, pointer: str) -> Any:  # noqa: ANN401 - JSON
    """What the pointer leads to, null included; `Nothing` where it leads nowhere. A `*` is a name like any other."""
    value = document
    for segment in pointer.split("/")[1:]:
        name = segment.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            return Nothing
    return value


def placed(value: Any, pointer: str) -> Any:  # noqa: ANN401 - JSON
    """A document in which the pointer leads to `value`, and nothing else is."""
    for segment in reversed(pointer.split("/")[1:]):
        value = {segment.replace("~1", "/").replace("~0", "~"): value}
    return value


def first_found(document: Any, pointers: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    """What the first pointer leads to that leads to something; an empty text is nothing."""
    return next((found for pointer in pointers if (found := resolve(document, pointer)) not in (None, "")), None)


def _item(value: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, list) and _INDEX.fullmatch(name) and int(name) < len(value):
        return value[int(name)]
    return None
