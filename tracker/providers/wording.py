"""What is wrong with a value of a description, in words for its author, who has TOML before them and not our code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import orjson

from tracker.providers.flaws import UNSHOWN

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from tracker.providers.places import Location

_LONGEST_VALUE = 80
_OF_A_TYPE = {
    "string_type": "give a text",
    "float_type": "give a number",
    "float_parsing": "give a number",
    "finite_number": "give a number",
    "int_type": "give a whole number",
    "int_from_float": "give a whole number",
    "bool_type": "give true or false",
    "dict_type": "give a table",
    "model_type": "give a table",
    "model_attributes_type": "give a table",
    "tuple_type": "give a list",
    "string_too_short": "give a text that is not empty",
}
_OF_BOUNDS = {
    "greater_than": "give a number above {gt:.15g}",
    "greater_than_equal": "give a number of at least {ge:.15g}",
    "less_than_equal": "give a number of at most {le:.15g}",
    "string_too_long": "give at most {max_length} characters",
    "too_short": "give at least one",
}


def words_for(details: ErrorDetails, location: Location) -> str:
    """What is wrong, and what was given, where that is safe to repeat."""
    words = _words(details)
    shown = _shown(details["input"])
    is_told = isinstance(details["input"], str) and shown in words
    if details["type"] == "missing" or is_told or not _may_show(details, location):
        return words
    return f"{words} (it is {shown})"


def _words(details: ErrorDetails) -> str:
    sort, context, value = details["type"], details.get("ctx", {}), details["input"]
    if sort in ("literal_error", "enum"):
        return "give " + re.sub(r"<[\w.]+: ('\w+')>", r"\1", str(context["expected"]))
    if sort == "tuple_type" and isinstance(value, (str, int, float)):
        return f"give a list: [{_shown(value, quote=True)}]"
    if sort == "string_type" and isinstance(value, (int, float)):
        return f'give a text: "{_shown(value)}"'
    if sort in _OF_BOUNDS:
        return _OF_BOUNDS[sort].format(**context)
    return _OF_A_TYPE.get(sort) or details["msg"].removeprefix("Value error, ")


def _may_show(details: ErrorDetails, location: Location) -> bool:
    """A flaw of a whole section shows none of it; credentials may stand where a description has their variables."""
    value = details["input"]
    if details["type"] == UNSHOWN or location[:1] in (("auth",), ("headers",)):
        return False
    if isinstance(value, str):
        return "@" not in value or "://" not in value
    return isinstance(value, (int, float)) or details["type"].endswith("_type")


def _shown(value: Any, *, quote: bool = False) -> str:  # noqa: ANN401 - TOML
    """A value as TOML and JSON have it, and not all of a long one."""
    is_plain = isinstance(value, str) and not quote
    text = repr(value) if is_plain else orjson.dumps(value, default=str).decode()
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
