"""Templates of paths, queries and bodies: `{id}`, `{kind}`, `{param.NAME}`, and for lists `{ids}` and `{since}`.

In a path a value is escaped; `{+id}` keeps its slashes (the reserved expansion of RFC 6570).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from store.records import Job

PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_WHOLE_URL = re.compile(r"\{param\.([A-Za-z_]\w*)\}")
_KNOWN = re.compile(r"\+?(id|kind|param\.[A-Za-z_]\w*)")
_OF_LISTS = ("ids", "since")
_NEEDS_NO_ESCAPE = re.compile(r"[A-Za-z0-9_~-]+")
_KEPT_TEMPLATES = 4096


class MissingParameterError(Exception):
    """A template needs a parameter that the job does not have; the argument is its name."""


class UnusableValueError(Exception):
    """A value cannot stand in a path; the arguments are the placeholder's name and the value."""


def flaw_of_template(template: str, *, is_list: bool = False) -> str | None:
    """Why a template cannot be used (None: it can); that of a list request may hold `{ids}` and `{since}`."""
    for name in PLACEHOLDER.findall(template):
        if not (_KNOWN.fullmatch(name) or (is_list and name in _OF_LISTS)):
            offer = ", {ids} or {since}" if is_list else ""
            return f"unknown placeholder {{{name}}}: use {{id}}, {{+id}}, {{kind}} or {{param.NAME}}{offer}"
    if set(PLACEHOLDER.sub("", template)) & set("{}"):
        return f"{template!r} has a brace without its other half"
    return None


def flaw_of_path(path: str) -> str | None:
    """Why a path template cannot be used (None: it can)."""
    if not path.startswith("/"):
        return f"path {path!r} must begin with '/'"
    return f"path {path!r} must not hold '?' or '#': use query" if set(path) & set("?#") else None


@lru_cache(_KEPT_TEMPLATES)
def url_parameter(template: str) -> str | None:
    """The parameter that a template is nothing but: it then holds a whole URL. None for any other template."""
    match = _WHOLE_URL.fullmatch(template)
    return match.group(1) if match else None


def filled_path(template: str, job: Job) -> str:
    """A path template with its placeholders replaced by escaped values.

    Raises MissingParameterError, UnusableValueError.
    """
    parts = list(_parts_of(template))
    for index in range(1, len(parts), 2):
        parts[index] = _escaped(parts[index], job)
    return "".join(parts)


@lru_cache(_KEPT_TEMPLATES)
def _parts_of(template: str) -> tuple[str, ...]:
    """A text, a placeholder, a text, and so on."""
    return tuple(PLACEHOLDER.split(template))


def _escaped(placeholder: str, job: Job) -> str:
    name = placeholder.removeprefix("+")
    text = value_of(name, job)
    if _NEEDS_NO_ESCAPE.fullmatch(text):
        return text
    segments = text.split("/") if placeholder.startswith("+") else [text]
    if any(segment in ("", ".", "..") for segment in segments):
        # Escaping leaves dots alone, and a URL parser would take these for a step up or for nothing.
        raise UnusableValueError(name, text)
    return "/".join(quote(segment, safe="") for segment in segments)


def filled_text(template: str, job: Job, lists: Mapping[str, Any] | None = None) -> str:
    """A template with its placeholders replaced as they are. Raises MissingParameterError."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1).removeprefix("+")
        if lists is not None and name in lists:
            known = lists[name]
            return ",".join(known) if isinstance(known, list) else str(known)
        return value_of(name, job)

    return PLACEHOLDER.sub(value, template)


def filled_body(value: Any, job: Job, lists: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
    """A body template filled at every depth; a text that is `{ids}` and nothing else becomes the list."""
    if isinstance(value, dict):
        return {name: filled_body(part, job, lists) for name, part in value.items()}
    if isinstance(value, list):
        return [filled_body(part, job, lists) for part in value]
    if not isinstance(value, str):
        return value
    if value == "{ids}" and lists is not None:
        return lists["ids"]
    return filled_text(value, job, lists)


def texts_of(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Every text in a body template."""
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = list(value.values())
    elif isinstance(value, list):
        parts = value
    return [value] if isinstance(value, str) else [text for part in parts for text in texts_of(part)]


def filled_query(query: Mapping[str, str], fill: Callable[[str], str]) -> dict[str, str]:
    """A query with its templates filled; an entry whose parameter the job does not have is left out."""
    entries = {}
    for name, template in query.items():
        try:
            entries[name] = fill(template)
        except MissingParameterError:
            continue
    return entries


def value_of(placeholder: str, job: Job) -> str:
    """What stands for a placeholder. Raises MissingParameterError."""
    if placeholder == "id":
        return job.remote_id
    if placeholder == "kind":
        return job.kind
    name = placeholder.removeprefix("param.")
    if job.params.get(name) is None:
        raise MissingParameterError(name)
    return str(job.params[name])
