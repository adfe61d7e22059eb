"""What a description may say, and how the author of a wrong one is told."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import tracker.providers
from tracker.providers.description import DescriptionError, parse_description, read_description
from tracker.rules.schedule import Timing

from .cases import DESCRIPTIONS
from .kitchen import KITCHEN
from .wrong import complaint, parse

BUILT_IN = sorted(Path(tracker.providers.__file__).parent.glob("*.toml"))


def every_value(value):
    """A description and all that is in it."""
    yield value
    if isinstance(value, BaseModel):
        yield from (inner for name in type(value).model_fields for inner in every_value(getattr(value, name)))
    elif isinstance(value, dict):
        yield from (inner for part in value.values() for inner in every_value(part))


@pytest.mark.parametrize("path", BUILT_IN, ids=lambda path: path.stem)
def test_every_built_in_description_is_sound_and_named_like_its_file(path):
    assert read_description(path).name == path.stem


def test_the_four_seed_providers_are_built_in():
    assert {"scenario", "wondercat", "decart", "photogpt"} <= DESCRIPTIONS.keys()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": ""}, "name: Field required"),
        ({"kind": "[kinds]\n[kind.job]"}, "kinds"),
        ({"path": ""}, "kinds.job.path: Field required"),
        ({"status": ""}, "kinds.job: the status is told neither by a status map nor by rules"),
        ({"status": "status = { pointers = [] }"}, "kinds.job.status.pointers"),
        ({"name": 'name = "Small Thing"'}, "name"),
        ({"auth": 'auth = { scheme = "magic" }'}, "auth"),
        ({"auth": 'auth = { scheme = "bearer", token = "sk-1234" }'}, "auth.token: "),
        ({"auth": 'auth = { scheme = "basic", username = "USER" }'}, "auth.password: Field required"),
        ({"timing": "timing = { interval = 0 }"}, "kinds.job.timing.interval"),
        ({"timing": "timing = { interval = nan }"}, "kinds.job.timing.interval"),
        ({"timing": "timing = { interval = inf }"}, "kinds.job.timing.interval"),
        (
            {"timing": "timing = { interval = 5 }\nprogress = { pointer = '/p', scale = 10 }"},
            "kinds.job.progress.scale",
        ),
        ({"kind": "[kinds.Job]"}, "kinds.Job"),
        ({"kind": "[kinds]\njob = 5\n[spare]"}, "kinds.job"),
    ],
)
def test_what_is_missing_or_wrong_is_named_by_its_key(changes, message):
    assert message in complaint(**changes)


def test_every_flaw_is_told_at_once():
    message = complaint(name="", timing="timing = { interval = -1, speed = 2 }")
    assert all(part in message for part in ("name: ", "kinds.job.timing.interval: ", "kinds.job.timing.speed: "))


def test_a_word_stands_for_one_status_only():
    twice = 'status = { pointers = ["/status"], running = ["busy"], failed = ["busy"] }'
    assert "kinds.job.status: the word 'busy' stands for two statuses" in complaint(status=twice)
    folded = 'status = { pointers = ["/status"], fold_case = true, running = ["busy"], failed = ["BUSY"] }'
    assert "the word 'busy' stands for two statuses" in complaint(status=folded)
    both = parse(status=folded.replace("true", "false"))
    assert both.kinds["job"].status.status_of("BUSY").value == "failed"


def test_a_status_map_knows_its_words_and_no_others():
    status = (
        parse(status='status = { pointers = ["/s"], fold_case = true, running = ["STRASSE"], failed = ["x"] }')
        .kinds["job"]
        .status
    )
    assert status.status_of("straße").value == "running"
    assert status.status_of("") is None


@pytest.mark.parametrize("pointer", ["status", "/a~", "/~2", "$.status"])
def test_a_text_that_is_no_pointer_is_refused(pointer):
    wrong = f'status = {{ pointers = ["/ok", "{pointer}"], succeeded = ["done"] }}'
    assert f"kinds.job.status.pointers.1: {pointer!r} is not a JSON pointer" in complaint(status=wrong)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("/jobs/{job_id}", "unknown placeholder {job_id}: use {id}, {+id}, {kind} or {param.NAME}"),
        ("/jobs/{}", "unknown placeholder {}"),
        ("/jobs/{ id }", "unknown placeholder { id }"),
        ("/jobs/{param.}", "unknown placeholder {param.}"),
        ("/jobs/{param.a-b}", "unknown placeholder {param.a-b}"),
        ("/jobs/{param.a.b}", "unknown placeholder {param.a.b}"),
        ("/jobs/{id", "has a brace without its other half"),
        ("/jobs/id}", "has a brace without its other half"),
        ("/jobs/{{id}}", "has a brace without its other half"),
    ],
)
def test_a_placeholder_that_nothing_fills_is_refused_wherever_it_stands(template, message):
    assert message in complaint(path=f'path = "{template}"')
    assert message in complaint(path=f'path = "/jobs/{{id}}"\nquery = {{ q = "{template}" }}')
    assert message in complaint(path=f'path = "/jobs/{{id}}"\nresult_urls = {{ file = "{template}" }}')


def test_a_path_begins_with_a_slash():
    assert "path 'jobs/{id}' must begin with '/'" in complaint(path='path = "jobs/{id}"')
    result = 'path = "/jobs/{id}"\nresult_urls = { file = "https://cdn.example/{id}" }'
    assert "path 'https://cdn.example/{id}' must begin with '/'" in complaint(path=result)


def test_the_cap_is_no_shorter_than_the_interval_and_comes_with_a_multiplier():
    assert "kinds.job.timing: cap (2) is shorter than interval (5)" in complaint(
        timing="timing = { interval = 5, cap = 2 }"
    )
    assert "a multiplier above 1 needs a cap" in complaint(timing="timing = { interval = 5, multiplier = 2 }")


def test_the_first_delay_is_the_interval_unless_it_is_given():
    assert parse().kinds["job"].documented_timing() == Timing(5, 5, 1, None, 86_400)
    own = "timing = { first = 1, interval = 5, multiplier = 1.5, cap = 60, timeout = 600, minimum = 2, typical = 40 }"
    documented = parse(timing=own).kinds["job"].documented_timing()
    assert documented == Timing(1, 5, 1.5, 60, 600, minimum=2, typical=40)


def test_the_default_kind_exists():
    message = complaint(name='name = "small"\ndefault_kind = "task"')
    assert "default_kind: 'task' is none of ['job']" in message


@pytest.mark.parametrize("text", ["name = ", "[kinds", "a = 1\na = 2", "\x00"])
def test_what_is_not_toml_is_refused(text):
    with pytest.raises(DescriptionError, match=r"^own\.toml is not TOML: .*line 1|at end of document|line 2"):
        parse_description(text, "own.toml")


def test_a_description_cannot_be_changed():
    for value in every_value(parse_description(KITCHEN, "kitchen.toml")):
        if isinstance(value, BaseModel):
            assert value.model_config["frozen"]
            assert value.model_config["extra"] == "forbid"


@settings(deadline=None, max_examples=200)
@given(
    st.integers(0, len(KITCHEN) - 1), st.integers(0, 40), st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
)
def test_no_text_makes_parsing_fail_in_another_way(start, length, new):
    text = KITCHEN[:start] + new + KITCHEN[start + length :]
    try:
        parse_description(text, "kitchen.toml")
    except DescriptionError as error:
        assert str(error).startswith("kitchen.toml")  # noqa: PT017 - most texts are wrong, some are not


LIST = """timing = { interval = 5 }
    id = ["/id"]
    list = { path = "/jobs", items = "/jobs", """


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ('query = { q = "{id}" } }', "a list asks for many jobs: use {ids}, not {id}"),
        ('body = { q = ["x", "{+id}"] } }', "a list asks for many jobs: use {ids}, not {id}"),
        ('next_page = "/next" }', "'next_page' (where the token stands) and 'page_query'"),
        ('next_url = "/next", next_page = "/n", page_query = "p" }', "'next_url' takes the place of 'next_page'"),
        ("limit = 1 }", "kinds.job.list.limit: "),
        ('query = { q = "{idss}" } }', "unknown placeholder {idss}"),
    ],
)
def test_a_list_that_cannot_be_asked_for_is_refused(more, message):
    assert message in complaint(timing=LIST + more)
    without_id = (LIST + more).replace('id = ["/id"]', "")
    assert "kinds.job" in complaint(timing=without_id)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{ status = 'failed', problem = 'invalid' }", "a rule gives one of 'status' and 'problem'"),
        ("{ http = [404] }", "a rule gives one of 'status' and 'problem'"),
        ("{ problem = 'invalid', provider_status = 'x' }", "'provider_status' goes with 'status'"),
        ("{ status = 'done' }", "kinds.job.rules.0.status"),
        ("{ http = [], status = 'failed' }", "kinds.job.rules.0.http"),
        ("{ http = ['6xx'], status = 'failed' }", "kinds.job.rules.0.http.0"),
        ("{ status = 'failed', where = [{ pointer = '/a' }] }", "a condition has one of 'is', 'equals' and 'one_of'"),
        ("{ status = 'failed', where = [{ pointer = '/a', is = 'gone' }] }", "kinds.job.rules.0.where.0.is"),
        ("{ status = 'failed', were = [] }", "kinds.job.rules.0.were: unknown key; did you mean 'where'?"),
    ],
)
def test_a_rule_that_says_nothing_or_too_much_is_refused(rule, message):
    assert message in complaint(timing=f"timing = {{ interval = 5 }}\n    rules = [{rule}]")


@pytest.mark.parametrize(
    ("progress", "message"),
    [
        ("pattern = '(\\d+'", "is not a regular expression"),
        ("pattern = '\\d+%'", "needs one group, around the number; it has 0"),
        ("total = '/all', scale = 100", "'total' takes the place of 'scale' and 'pattern'"),
    ],
)
def test_a_progress_that_cannot_be_measured_is_refused(progress, message):
    text = f"timing = {{ interval = 5 }}\n    progress = {{ pointer = '/p', {progress} }}"
    assert message in complaint(timing=text)


def test_a_url_that_a_job_brings_needs_the_hosts_that_it_may_lead_to():
    assert "a URL that a job brings needs hosts" in complaint(path='path = "{param.poll_url}"')
    whole = 'path = "/jobs/{id}"\n    result_urls = { file = "{param.file}" }'
    assert "a URL that a job brings needs hosts" in complaint(path=whole)
