"""What a description file says before it is checked: its TOML, and what the top of it says for each kind."""

from __future__ import annotations

import math
import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

_LONGEST_LINE = 80
_MAY_HOLD_A_CREDENTIAL = re.compile(r"token|pass|secret|key|credential|auth|bearer|cookie", re.IGNORECASE)
_WHOLE_NUMBERS = range(-(2**63), 2**64)
"""What JSON is read and written with here."""


class UnusableFileError(Exception):
    """A file that is no TOML, or that holds a value that no description can have; the message says where."""


def values_in(text: str) -> dict[str, Any]:
    """What the TOML says. Raises UnusableFileError."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"is not TOML: {error}{_line_of(text, str(error))}"
        raise UnusableFileError(message) from error
    flaws = list(_unusable(values))
    if flaws:
        message = "holds a value that cannot be used: " + "; ".join(flaws)
        raise UnusableFileError(message)
    return values


def with_shared_in_kinds(values: dict[str, Any], keys_of_kind: Collection[str]) -> dict[str, Any]:
    """Moves the top level's sections of a kind into each kind, behind what the kind says itself."""
    shared = {key: value for key, value in values.items() if key in keys_of_kind}
    rest = {key: value for key, value in values.items() if key not in shared}
    kinds = values.get("kinds")
    if not isinstance(kinds, dict):
        return rest
    return rest | {"kinds": {name: _merged(shared, kind) for name, kind in kinds.items()}}


def _merged(shared: dict[str, Any], own: Any) -> Any:  # noqa: ANN401 - TOML, not checked yet
    if not isinstance(own, dict):
        return own
    merged = shared | own
    for key in shared.keys() & own.keys():
        if isinstance(shared[key], dict) and isinstance(own[key], dict):
            merged[key] = shared[key] | own[key]
    return merged


def _line_of(text: str, message: str) -> str:
    """The line at fault, as far as it is short; nothing where a credential may stand in it."""
    found = re.search(r"at line (\d+)", message)
    lines = text.split("\n")
    number = int(found[1]) if found else 0
    if not 0 < number <= len(lines):
        return ""
    line = lines[number - 1].strip()
    says_its_key = "=" in line or line.startswith("[")
    if not says_its_key or _MAY_HOLD_A_CREDENTIAL.search(line):
        return ""
    return f": {line[:_LONGEST_LINE]!r}{'…' if len(line) > _LONGEST_LINE else ''}"


def _unusable(value: Any, place: str = "") -> Iterator[str]:  # noqa: ANN401 - TOML
    """The numbers that JSON does not have, each with its place."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _unusable(part, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _unusable(part, f"{place}.{index}")
    elif isinstance(value, float) and not math.isfinite(value):
        yield f"{place}: {value} stands for no number: give one"
    elif isinstance(value, int) and value not in _WHOLE_NUMBERS:
        yield f"{place}: give a whole number of 64 bits at most"
