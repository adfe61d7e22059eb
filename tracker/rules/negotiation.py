"""What `Accept` and `If-None-Match` make of an answer (RFC 9110, sections 12.5.1 and 13.1.2)."""

from __future__ import annotations

import re

_TAG = re.compile(r'(?:W/)?("[^"]*")')


def is_acceptable(accept: str, media_type: str) -> bool:
    """Whether the header takes a media type; an empty one, or one that says nothing that can be read, takes all."""
    ranges = _ranges(accept)
    if not ranges:
        return True
    ranks = {media_type: 2, media_type.partition("/")[0] + "/*": 1, "*/*": 0}
    matching = [(ranks[name], weight) for name, weight in ranges if name in ranks]
    # The most specific range decides; of several that are alike, the most welcoming.
    return max(matching, default=(0, 0.0))[1] > 0


def named_weight(accept: str, media_type: str) -> float:
    """The weight that the header gives a media type by its own name; 0: it does not name it."""
    return max((weight for name, weight in _ranges(accept) if name == media_type), default=0.0)


def names_tag(if_none_match: str, tag: str) -> bool:
    """Whether an `If-None-Match` header names an ETag, or any (`*`); a weak one is as good as a strong one here."""
    return if_none_match.strip() == "*" or tag.removeprefix("W/") in _TAG.findall(if_none_match)


def _ranges(accept: str) -> list[tuple[str, float]]:
    return [(name, weight) for name, weight in map(_parsed, accept.split(",")) if name.count("/") == 1]


def _parsed(text: str) -> tuple[str, float]:
    """A media range without its parameters, and its weight (one that cannot be read is 1)."""
    name, *parameters = (part.strip().lower() for part in text.split(";"))
    weights = [value.strip() for key, _, value in (each.partition("=") for each in parameters) if key.strip() == "q"]
    try:
        return name, float(weights[0]) if weights else 1.0
    except ValueError:
        return name, 1.0
