"""What is wrong with a description, in words: the key as the file has it, the flaw, and the nearest valid key."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    Location = tuple[int | str, ...]


def complaints(
    error: ValidationError, description: type[BaseModel], kind: type[BaseModel], shared: Mapping[str, Any]
) -> list[str]:
    """One line for each flaw. `shared` is what the file has at its top level of the keys of a kind."""
    lines = [_complaint(details, description, kind, shared) for details in error.errors(include_url=False)]
    # What stands at the top level is wrong in each kind, and wrong once.
    return list(dict.fromkeys(lines))


def _complaint(
    details: ErrorDetails, description: type[BaseModel], kind: type[BaseModel], shared: Mapping[str, Any]
) -> str:
    location = details["loc"]
    place = ".".join(str(part) for part in _as_written(location, shared)) or "the file"
    if details["type"] != "extra_forbidden":
        return f"{place}: {_words(details)}"
    known = _keys_at(description, location[:-1])
    if len(location) == 1:
        known |= kind.model_fields.keys()
    near = get_close_matches(str(location[-1]), sorted(known), n=1)
    offer = f"did you mean {near[0]!r}?" if near else f"known here are: {', '.join(sorted(known))}"
    return f"{place}: unknown key; {offer}"


def _words(details: ErrorDetails) -> str:
    words = details["msg"].removeprefix("Value error, ")
    value = details["input"]
    return f"{words} (it is {value!r:.80})" if isinstance(value, (str, int, float)) else words


def _as_written(location: Location, shared: Mapping[str, Any]) -> Location:
    """The key as the file has it: a kind's flaw may stand at the top level."""
    if len(location) > 2 and location[0] == "kinds" and _leads_somewhere(shared, location[2:]):
        return location[2:]
    return location


def _leads_somewhere(value: Any, path: Location) -> bool:  # noqa: ANN401 - TOML
    """Whether the path is in the values; what lies within a text or a number is pydantic's own remark."""
    for part in path:
        if isinstance(value, dict):
            if part not in value:
                return False
            value = value[part]
        elif isinstance(value, list):
            value = value[part] if isinstance(part, int) and part < len(value) else None
    return True


def _keys_at(section: type[BaseModel], location: Location) -> set[str]:
    """The keys of the sections that may stand at a location."""
    sections: set[type[BaseModel]] = {section}
    for part in location:
        fields = [(each.model_fields[str(part)]) for each in sections if str(part) in each.model_fields]
        if fields:
            sections = {found for field in fields for found in _sections_in(field.annotation)}
    return {field.alias or name for each in sections for name, field in each.model_fields.items()}


def _sections_in(annotation: Any) -> set[type[BaseModel]]:  # noqa: ANN401 - a type
    """The sections that a field's type speaks of, whatever they are wrapped in."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {found for part in get_args(annotation) for found in _sections_in(part)}
