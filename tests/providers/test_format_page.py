"""The page about the format tells every key, and all its examples are so."""

import re
from typing import get_args

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tracker.providers.description import Description, Kind

from .format_page import examples, tables

EXAMPLES = examples()


def sections_in(annotation):
    """The models that a field's type speaks of, whatever they are wrapped in."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [found for part in get_args(annotation) for found in sections_in(part)]


def keys(model=Description, path=""):
    """Every key of the format, as (section, key) and its field."""
    for name, field in model.model_fields.items():
        key = field.alias or name
        yield (path, key), field
        for section in sections_in(field.annotation):
            inner = "kind" if section is Kind else key if path in ("", "kind") else f"{path}.{key}"
            yield from keys(section, inner)


KEYS = dict(keys())
TOLD = {(section, key): row for section, rows in tables().items() for key, row in rows.items()}


def default_of(field):
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value in (None, (), {}) or value is PydanticUndefined or isinstance(value, BaseModel):
        return "none"
    if isinstance(value, tuple):
        return "`[" + ", ".join(f'"{part}"' for part in value) + "]`"
    if isinstance(value, bool):
        return f"`{value}`".lower()
    return f"`{value:g}`" if isinstance(value, (int, float)) else f'`"{value}"`'


def test_the_walk_finds_keys_at_every_depth():
    assert {("", "base_url"), ("kind", "path"), ("auth", "prefix"), ("steps.approval", "done")} <= KEYS.keys()
    assert ("rules.where", "is") in KEYS


def test_every_key_is_told_in_its_section_and_no_other_is():
    assert KEYS.keys() - TOLD.keys() == set()
    assert TOLD.keys() - KEYS.keys() == set()


@pytest.mark.parametrize("key", sorted(KEYS), ids=".".join)
def test_the_default_of_a_key_is_as_told(key):
    assert TOLD[key][1] == default_of(KEYS[key])


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_what_an_example_claims_is_so(example):
    assert example.description
    for sort, claimed, real in example.claims():
        assert (sort, claimed) == (sort, real)


def test_every_answer_is_read():
    for example in EXAMPLES:
        sorts = [words[0] for _, words, _ in example.blocks]
        after = [next_ for sort, next_ in zip(sorts, [*sorts[1:], None], strict=False) if sort == "answer"]
        assert set(after) <= {"reading", "page"}, example


def test_every_section_has_an_example():
    parts = [set(re.findall(r"[a-z_]+", example.toml)) for example in EXAMPLES]
    sections = {key.rpartition(".")[2] for key, _ in KEYS if key not in ("", "kind")}
    assert sections <= set().union(*parts)


def test_every_key_of_a_kind_and_of_a_list_stands_in_an_example_or_is_told_by_its_row_alone():
    shown = set().union(*(set(re.findall(r"[a-z_]+", example.toml)) for example in EXAMPLES))
    assert {key for section, key in KEYS if section == "kind"} - shown == {"result_lifetime", "model"}
    assert {key for section, key in KEYS if section == "list"} - shown == {"covers", "more", "next_url"}
