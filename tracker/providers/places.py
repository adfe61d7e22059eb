"""Which keys a description may have, and where: the places that its author is shown."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Set

Location = tuple[int | str, ...]
"""Where pydantic found a flaw: keys and indexes; below `auth` also the scheme, behind a wrong key also `[key]`."""

_NEAR = 0.8
"""How much two keys have to be alike for one to be a slip of the other; below, the offer would be a guess."""
_TOP = "at the top of the file, before the first [table]"


class Format:
    """The keys of a format, taken from its sections."""

    def __init__(self, description: type[BaseModel]) -> None:
        self._top = description
        (self._kind,) = _sections_in(description.model_fields["kinds"].annotation)

    def offer(self, location: Location) -> str:
        """What the author of an unknown key is to be told."""
        key, parent = str(location[-1]), location[:-1]
        known = self._keys_at(parent)
        homes = self._schemes_with(key) if parent[:1] == ("auth",) else self._homes_of(key)
        near = get_close_matches(key, sorted(known), n=1, cutoff=_NEAR)
        offers = [f"did you mean {near[0]!r}?"] if near else []
        offers += [homes] if homes else []
        return " ".join(offers) or f"known here are: {', '.join(sorted(known))}"

    def schemes(self) -> list[str]:
        """The ways to send credentials."""
        return [scheme for scheme, _ in self._auth()]

    def _keys_at(self, location: Location) -> Set[str]:
        """The keys of the section that stands at a location."""
        if location[:1] == ("auth",):
            return {key for scheme, keys in self._auth() if scheme in location for key in keys}
        sections = {self._kind} if location[:1] == ("kinds",) else {self._top}
        for part in location[2:] if location[:1] == ("kinds",) else location:
            fields = [each.model_fields[str(part)] for each in sections if str(part) in each.model_fields]
            if fields:
                sections = {found for field in fields for found in _sections_in(field.annotation)}
        keys = {key for each in sections for key in _keys_of(each)}
        # What stands at the top of a file holds for each kind.
        return keys if location else keys | set(_keys_of(self._kind))

    def _auth(self) -> Iterator[tuple[str, list[str]]]:
        for section in _sections_in(self._top.model_fields["auth"].annotation):
            (scheme,) = get_args(section.model_fields["scheme"].annotation)
            yield scheme, _keys_of(section)

    def _schemes_with(self, key: str) -> str | None:
        schemes = [f'"{scheme}"' for scheme, keys in self._auth() if key in keys]
        if not schemes:
            return None
        return f"{key!r} goes with scheme {' or '.join(schemes)} only"

    def _homes_of(self, key: str) -> str | None:
        """Where a key belongs that is unknown where it stands; None: it does not exist at all."""
        if key in _keys_of(self._top):
            return f"{key!r} belongs {_TOP}"
        if key in _keys_of(self._kind):
            return f"{key!r} belongs into its kind, or {_TOP}"
        homes = sorted({path for path, known in _all_keys(self._top) if known == key})
        return f"{key!r} belongs into {' or '.join(homes)}" if homes else None


def as_written(location: Location, values: Mapping[str, Any], *, is_missing: bool) -> Location:
    """The place as the file has it: without what only pydantic knows, and at the top where a kind's flaw stands there.

    `is_missing`: the key is not there at all, and the section that lacks it counts.
    """
    location = tuple(part for part in location if part != "[key]")
    if location[:1] == ("auth",):
        return location[:1] + location[2:] if len(location) > 2 else location
    if len(location) < 3 or location[0] != "kinds":
        return location
    kinds, inner = values.get("kinds"), location[2:]
    own = kinds.get(location[1]) if isinstance(kinds, dict) else None
    is_shared = (_is_missing_at_the_top if is_missing else _stands_at_the_top)(inner, own, values)
    return inner if is_shared else location


def _stands_at_the_top(inner: Location, own: Any, values: Mapping[str, Any]) -> bool:  # noqa: ANN401 - TOML
    return not leads_somewhere(own, inner) and leads_somewhere(values, inner)


def _is_missing_at_the_top(inner: Location, own: Any, values: Mapping[str, Any]) -> bool:  # noqa: ANN401 - TOML
    # Sections are put together key by key, but not what is inside their own sections.
    section = inner[:-1]
    is_there = len(section) > 0 and leads_somewhere(values, section)
    return is_there and (len(section) == 1 or not leads_somewhere(own, section))


def leads_somewhere(value: Any, path: Location) -> bool:  # noqa: ANN401 - TOML
    """Whether the path is in the values; what lies within a text or a number is pydantic's own remark."""
    for part in path:
        if isinstance(value, dict):
            if part not in value:
                return False
            value = value[part]
        elif isinstance(value, list):
            value = value[part] if isinstance(part, int) and part < len(value) else None
    return value is not None or not path


def _keys_of(section: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in section.model_fields.items()]


def _all_keys(section: type[BaseModel], path: str = "") -> Iterator[tuple[str, str]]:
    """Every key below a section, each with the path of its own section as people write it."""
    for name, field in section.model_fields.items():
        key = field.alias or name
        yield path, key
        inner = key if not path else f"{path}.{key}"
        for found in _sections_in(field.annotation):
            yield from _all_keys(found, "" if inner == "kinds" else inner)


def _sections_in(annotation: Any) -> list[type[BaseModel]]:  # noqa: ANN401 - a type
    """The sections that a field's type speaks of, whatever they are wrapped in."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in _sections_in(part)]
