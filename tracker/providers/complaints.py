"""What is wrong with a description, in words: the key as the file has it, the flaw, and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracker.providers.places import Format, Location, as_written
from tracker.providers.wording import words_for

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel, ValidationError
    from pydantic_core import ErrorDetails


def complaints(error: ValidationError, values: Mapping[str, Any], description: type[BaseModel]) -> list[str]:
    """One line for each flaw. `values` is what the file says."""
    known, flaws = Format(description), error.errors(include_url=False)
    lines = [_complaint(details, values, known) for details in flaws if not _follows(details, flaws)]
    # What stands at the top level is wrong in each kind, and wrong once.
    return list(dict.fromkeys(lines))


def _follows(details: ErrorDetails, flaws: list[ErrorDetails]) -> bool:
    """Whether a list is only too short because its items are wrong."""
    place = details["loc"]
    return details["type"] == "too_short" and any(
        len(flaw["loc"]) > len(place) and flaw["loc"][: len(place)] == place for flaw in flaws
    )


def _complaint(details: ErrorDetails, values: Mapping[str, Any], known: Format) -> str:
    location: Location = (*details["loc"], *details.get("ctx", {}).get("at", ()))
    if details["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _of_scheme(details, known)
    if details["loc"] == ("auth",) and details["type"].endswith("_type"):
        return 'auth: give a table, such as { scheme = "bearer", token = "EXAMPLE_API_KEY" }'
    written = as_written(location, values, is_missing=details["type"] == "missing")
    place = ".".join(map(str, written)) or "the file"
    if details["type"] == "extra_forbidden":
        return f"{place}: unknown key; {known.offer(location)}"
    return f"{place}: {words_for(details, written)}"


def _of_scheme(details: ErrorDetails, known: Format) -> str:
    *others, last = (f'"{scheme}"' for scheme in known.schemes())
    words = f"auth.scheme: give {', '.join(others)} or {last}"
    if details["type"] == "union_tag_not_found":
        return f"{words}, and then what goes with it"
    given = str(details["ctx"]["tag"])
    # A credential may stand in the wrong place; a word does not look like one.
    return f"{words} (it is {given!r})" if given.isalpha() and len(given) <= 20 else words
