"""Arbitrary answers of providers: bodies of every sort, headers, and status codes."""

import orjson
from hypothesis import strategies as st

from store.records import Status
from tracker.providers.description import Kind
from tracker.rules.exchange import HttpAnswer

from .cases import CASES_BY_KIND, DESCRIPTIONS

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
times = st.sampled_from(
    ["2026-11-22T10:00:00Z", "0001-01-01T00:00:00Z", "soon", 0, -1, 1e18, 1.7e9, 1.7e12, 2**63, True]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
    | times
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=15
)
media_types = st.sampled_from(
    ["application/json", "application/json; charset=utf-8", "text/html", "", ";", "application/problem+json", "\x00"]
)
hints = (
    st.sampled_from(
        [
            "5",
            "0",
            "-1",
            "9" * 400,
            "soon",
            "Sun, 22 Nov 2026 10:01:30 GMT",
            "Mon, 1 Jan 0001 00:00:00 +2359",
            "Wed, 99 Foo 99999 99:99:99 GMT",
            "٣",
            "",
        ]
    )
    | texts
)
headers = st.fixed_dictionaries({}, optional={"content-type": media_types, "retry-after": hints, "etag": texts})


def nested(levels, leaf=b"1"):
    """JSON of lists within lists."""
    return b"[" * levels + leaf + b"]" * levels


def all_kinds():
    """Every kind of every description, by its name and its provider's."""
    return st.sampled_from([(name, kind) for name, described in DESCRIPTIONS.items() for kind in described.kinds])


def words(kind: Kind):
    """What the kind's status map and rules know, and anything else."""
    known = [word for status in Status for word in getattr(kind.status, status.value, ())]
    for condition in (condition for rule in kind.rules for condition in rule.where):
        known += condition.one_of or ([] if condition.equals is None else [condition.equals])
    return (st.sampled_from(known) if known else st.nothing()) | texts | scalars


@st.composite
def nearly_right(draw, provider, kind):
    """A recorded answer with some of its values replaced by arbitrary ones."""
    recorded = draw(st.sampled_from([case for case in CASES_BY_KIND[provider, kind] if "json" in case.answer]))
    return _changed(draw, recorded.answer["json"], words(DESCRIPTIONS[provider].kinds[kind]))


def _changed(draw, value, replacements):
    if draw(st.integers(0, 5)) == 0:
        return draw(replacements | documents)
    if isinstance(value, dict):
        return {name: _changed(draw, inner, replacements) for name, inner in value.items()}
    if isinstance(value, list):
        return [_changed(draw, inner, replacements) for inner in value]
    return value


def bodies(provider, kind):
    return st.one_of(
        st.binary(max_size=50),
        documents.map(orjson.dumps),
        nearly_right(provider, kind).map(orjson.dumps),
        nearly_right(provider, kind).map(orjson.dumps),
        nearly_right(provider, kind).map(lambda document: orjson.dumps(document)[:-1]),
    )


@st.composite
def http_answers(draw, provider, kind, statuses):
    return HttpAnswer(draw(statuses), draw(headers), draw(bodies(provider, kind)))
