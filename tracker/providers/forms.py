"""The forms that single values of a description must have."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from tracker.providers.pointer import Pointer
from tracker.providers.templates import flaw_of_path, flaw_of_template, texts_of, url_parameter

Variable = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9_]*$")]
"""The name of an environment variable that holds a credential."""
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
HeaderName = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")]
HeaderValue = Annotated[str, Field(pattern=r"^[ -~]*$")]
Seconds = Annotated[float, Field(gt=0, le=30 * 86_400)]
Pointers = Annotated[tuple[Pointer, ...], Field(min_length=1)]
Scalar = str | int | float | bool
HostPattern = Annotated[str, Field(pattern=r"^!?(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$")]
"""A host name, or `*.` and a domain: every host below it; with `!` before it, not this one though another fits."""


def _checked_template(template: str) -> str:
    return _without(flaw_of_template(template), template)


def _checked_list_template(template: str) -> str:
    return _without(flaw_of_template(template, is_list=True), template)


def _checked_path(path: str) -> str:
    return _without(flaw_of_path(path) or flaw_of_template(path), path)


def _checked_path_or_url(path: str) -> str:
    return path if url_parameter(path) else _checked_path(path)


def _without(flaw: str | None, text: str) -> str:
    if flaw:
        raise ValueError(flaw)
    return text


def _checked_body(body: dict[str, Any]) -> dict[str, Any]:
    for text in texts_of(body):
        _checked_template(text)
    return body


def _checked_list_body(body: dict[str, Any]) -> dict[str, Any]:
    for text in texts_of(body):
        _checked_list_template(text)
    return body


def _checked_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        message = f"{pattern!r} is not a regular expression: {error}"
        raise ValueError(message) from error
    if groups != 1:
        message = f"{pattern!r} needs one group, around the number; it has {groups}"
        raise ValueError(message)
    return pattern


Template = Annotated[str, AfterValidator(_checked_template)]
ListTemplate = Annotated[str, AfterValidator(_checked_list_template)]
Body = Annotated[dict[str, Any], AfterValidator(_checked_body)]
ListBody = Annotated[dict[str, Any], AfterValidator(_checked_list_body)]
Path = Annotated[str, AfterValidator(_checked_path)]
PathOrUrl = Annotated[str, AfterValidator(_checked_path_or_url)]
Pattern = Annotated[str, AfterValidator(_checked_pattern)]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
