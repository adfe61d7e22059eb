"""The JSON Schema of a description: it takes what the service takes, and tells an editor what is wrong."""

import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import tracker.providers
from tracker.providers.description import parse_description
from tracker.providers.schema import description_schema

from .kitchen import KITCHEN, SMALL
from .test_description_files import SHARED

BUILT_IN = sorted(Path(tracker.providers.__file__).parent.glob("*.toml"))
SCHEMA = description_schema()
LISTED = """
    id = ["/id"]
    [list]
    path = "/jobs"
    [kinds.job.list]
    items = "/jobs"
"""


def flaws(text):
    """Where a file is not as the schema wants it, and what for."""
    errors = Draft202012Validator(SCHEMA).iter_errors(tomllib.loads(text))
    return [(".".join(map(str, error.absolute_path)), error.validator) for error in errors]


def test_the_schema_is_one_of_its_dialect():
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: path.stem)
def test_every_built_in_description_is_valid(path):
    assert flaws(path.read_text("utf-8")) == []


@pytest.mark.parametrize("text", [SMALL, KITCHEN, SHARED, SMALL + LISTED], ids=["small", "kitchen", "shared", "listed"])
def test_what_the_service_takes_is_valid(text):
    assert parse_description(text, "own.toml")
    assert flaws(text) == []


@pytest.mark.parametrize(
    ("old", "new", "flaw"),
    [
        ('name = "small"', 'name = "small"\nspeed = 1', ("", "additionalProperties")),
        ("interval = 5", "interval = 5, speed = 1", ("kinds.job.timing", "additionalProperties")),
        ('path = "/jobs/{id}"', 'path = "/jobs/{id}"\nspeed = 1', ("kinds.job", "additionalProperties")),
        ("[kinds.job]", "[kinds.Job]", ("kinds", "additionalProperties")),
        ("[kinds.job]", "headers = { 'a b' = '1' }\n[kinds.job]", ("headers", "additionalProperties")),
        ('name = "small"', "name = 5", ("name", "type")),
        ("interval = 5", 'interval = "5"', ("kinds.job.timing.interval", "type")),
        ("interval = 5", "interval = 0", ("kinds.job.timing.interval", "exclusiveMinimum")),
        ('"/status"', '"/status"], fold_case = ["yes"', ("kinds.job.status.fold_case", "type")),
        ('path = "/jobs/{id}"', 'path = "/jobs/{id}"\nmethod = "FETCH"', ("kinds.job.method", "enum")),
        ("timing =", "progress = { pointer = '/p', scale = 10 }\ntiming =", ("kinds.job.progress.scale", "enum")),
        ("timing =", "rules = [{ status = 'done' }]\ntiming =", ("kinds.job.rules.0.status", "enum")),
        ('title = "Small"', "", ("", "required")),
        ('path = "/jobs/{id}"', "", ("kinds.job", "required")),
        ("interval = 5", "cap = 5", ("kinds.job.timing", "required")),
        ('"bearer"', '"magic"', ("auth", "oneOf")),
        ('"/status"', '"status"', ("kinds.job.status.pointers.0", "pattern")),
        ('"/status"', '"/a~2"', ("kinds.job.status.pointers.0", "pattern")),
        ('title = "Small"', 'title = " "', ("title", "pattern")),
        ('title = "Small"', 'title = "Small"\ndocs = "/docs"', ("docs", "pattern")),
        ('title = "Small"', "title = 'S'\nsubmits = [{ path = '/**/a', id = ['/id'] }]", ("submits.0.path", "pattern")),
        (".example", ".example/{param.x}", ("base_url", "pattern")),
        (
            "timing =",
            "rules = [{ status = 'failed', http = ['6xx'] }]\ntiming =",
            ("kinds.job.rules.0.http.0", "anyOf"),
        ),
    ],
)
def test_what_is_wrong_is_found_in_its_place(old, new, flaw):
    assert SMALL.count(old) == 1
    assert flaw in flaws(SMALL.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "flaw"),
    [
        ("cap = 50", "cap = []", ("timing.cap", "type")),
        ("cap = 50", "speed = 1", ("timing", "additionalProperties")),
        ("interval = 7", "interval = 7\nspeed = 1", ("kinds.own.timing", "additionalProperties")),
    ],
)
def test_a_shared_section_is_checked_too(old, new, flaw):
    assert flaw in flaws(SHARED.replace(old, new))


def test_editors_are_shown_what_a_section_is_for_and_no_noise():
    assert SCHEMA["$defs"]["Rule"]["description"].startswith("What an answer means that fits")
    assert SCHEMA["properties"]["docs"].keys() == {"type", "pattern"}
    assert SCHEMA["properties"]["title"].keys() == {"type", "pattern"}
