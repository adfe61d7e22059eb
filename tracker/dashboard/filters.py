"""The filter of a list, as the address of its page says it in the words of the API."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from starlette.requests import Request

_TYPED_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)
"""What a field for a time sends: no zone, so we say that it is UTC."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Parameters of a list of the API, none of them empty."""

    pairs: tuple[tuple[str, str], ...]

    def one(self, name: str) -> str:
        """The first value of this parameter, or an empty text."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """All values of this parameter."""
        return [value for given, value in self.pairs if given == name]

    @property
    def cursor(self) -> str:
        """Which page of the list this is; empty: the first."""
        return self.one("cursor")

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """What narrows the list down."""
        return [pair for pair in self.pairs if pair[0] not in ("cursor", "limit")]

    def query(self, cursor: str = "") -> str:
        """The end of an address: the same filter at another page of its list, the first unless told."""
        pairs = [pair for pair in self.pairs if pair[0] != "cursor"]
        return _spelled([*pairs, ("cursor", cursor)] if cursor else pairs)

    def without(self, name: str, value: str) -> str:
        """The end of an address: the filter less one of its parameters, at the first page."""
        return _spelled([pair for pair in self.pairs if pair != (name, value) and pair[0] != "cursor"])

    def as_sent(self) -> str:
        """The end of an address: all of it."""
        return _spelled(self.pairs)


def filters_of(request: Request) -> Filters:
    """What an address or a form asks for: without what was left empty, and in the words of the API."""
    return Filters(tuple(_tidied(request.query_params.multi_items())))


def path_beyond(request: Request, filters: Filters, name: str, own_id: re.Pattern[str]) -> str | None:
    """Where the address of a list leads to instead; None: it stays.

    To the page of an id of ours that the parameter `name` seeks, or to the list by its filter and nothing else.
    """
    path, sought = request.scope["path"], filters.one(name)
    if own_id.fullmatch(sought):
        return f"{path}/{sought}"
    return None if filters.pairs == tuple(request.query_params.multi_items()) else f"{path}{filters.as_sent()}"


def as_time(typed: str) -> str:
    """What was typed into a field for a time, in the words of the API; what is no time stays as it is."""
    if not _TYPED_TIME.fullmatch(typed):
        return typed
    return f"{typed}{':00' if typed.count(':') == 1 else ''}Z"


def _tidied(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, raw in pairs:
        value = raw.strip()
        key, is_pair, wanted = value.partition("=")
        if name == "metadata" and is_pair:
            yield f"metadata.{key.strip()}", wanted.strip()
        elif name.endswith(("_after", "_before")) and value:
            yield name, as_time(value)
        elif value:
            yield name, value


def _spelled(pairs: Iterable[tuple[str, str]]) -> str:
    query = urlencode(list(pairs))
    return f"?{query}" if query else ""
