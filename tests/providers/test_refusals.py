"""What no description can mean is refused, and told by the key that has to change."""

import pytest

from .wrong import complaint, parse

TIMING = "timing = { interval = 5 }\n    "
UNREAD = "path = '/jobs/{id}'\n    ignore_body = true\n    rules = [{ http = [200], status = 'succeeded' }]\n    "


@pytest.mark.parametrize(
    "request_",
    [
        "path = '/jobs'",
        "path = '/{kind}/last'",
        "path = '/jobs'\n    query = { a = 'id' }\n    body = { b = ['{kind}'] }",
    ],
)
def test_a_request_that_names_no_job_is_refused(request_):
    assert "kinds.job.path: the request does not name the job: use {id}" in complaint(path=request_)


@pytest.mark.parametrize(
    "request_",
    [
        "path = '/{+id}'",
        "path = '/{param.place}/last'",
        "path = '/jobs'\n    query = { id = '{id}' }",
        "path = '/jobs'\n    method = 'POST'\n    body = { ids = ['x-{id}'] }",
    ],
)
def test_a_request_may_name_its_job_anywhere(request_):
    assert parse(path=request_)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Authorization", "credentials go into auth"),
        ("proxy-authorization", "credentials go into auth"),
        ("COOKIE", "credentials go into auth"),
        ("Host", "this header is Tracker's own"),
        ("content-length", "this header is Tracker's own"),
        ("Transfer-Encoding", "this header is Tracker's own"),
        ("connection", "this header is Tracker's own"),
        ("Accept-Encoding", "this header is Tracker's own"),
        ("If-None-Match", "this header is Tracker's own"),
    ],
)
def test_a_header_that_is_no_constant_is_refused(header, message):
    said = complaint(name=f'name = "small"\n    headers = {{ {header} = "secret" }}')
    assert f"headers.{header}: {message}" in said
    assert "secret" not in said


def test_the_header_of_the_credentials_is_in_auth_alone():
    own = 'auth = { scheme = "header", header = "X-Key", token = "A" }\n    headers = { x-key = "secret" }'
    assert complaint(auth=own) == "small.toml: headers.x-key: credentials go into auth"
    assert parse(auth=own.replace("x-key", "x-other"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"status": "status = { pointers = ['/s'] }"}, "kinds.job.status: it has no words"),
        ({"status": "status = { pointers = ['/s'], running = ['a'] }"}, "kinds.job.status: nothing ends a job"),
        ({"status": "status = { pointers = ['/s'], otherwise = 'running' }"}, "kinds.job.status: nothing ends a job"),
        ({"status": "rules = [{ status = 'running' }]"}, "kinds.job.rules: nothing ends a job"),
        (
            {"status": "rules = [{ status = 'failed' }]\n    history = { items = '/a', status = '/b', at = '/c' }"},
            "kinds.job.history: it needs status, whose words tell what its items mean",
        ),
        ({"name": 'name = "small"\n    hosts = ["!a.example"]'}, "hosts: it has nothing but exceptions"),
        ({"name": "name = 'small'\n    submits = [{ path = '/a/**/b', id = ['/id'] }]"}, "'**' stands at the end only"),
        ({"name": "name = 'small'\n    submits = [{ path = 'a', id = ['/id'] }]"}, "submits.0.path: begin it with '/'"),
        ({"timing": "timing = { interval = 5, minimum = 6 }"}, "timing.minimum: it (6) is longer than interval (5)"),
        ({"name": 'name = "small"\n    docs = "docs.small.example"'}, "docs: give a URL that begins with https://"),
        ({"timing": f"{TIMING}body = {{ a = [nan] }}"}, "kinds.job.body.a.0: nan stands for no number"),
        (
            {"timing": f"{TIMING}rules = [{{ status = 'failed', where = [{{ pointer = '/a', equals = inf }}] }}]"},
            "kinds.job.rules.0.where.0.equals: inf stands for no number",
        ),
    ],
)
def test_what_cannot_mean_anything_is_refused(changes, message):
    assert message in complaint(**changes)


def test_an_end_may_be_told_by_a_rule_alone():
    words = "status = { pointers = ['/s'], otherwise = 'running' }\n    rules = [{ http = [409], status = 'failed' }]"
    assert parse(status=words)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("id", "['/id']"),
        ("progress", "{ pointer = '/p' }"),
        ("output", "{ file = '/f' }"),
        ("error", "{ message = ['/m'] }"),
        ("times", "{ created = '/c' }"),
        ("steps", "{ items = '/i', id = '/id', type = '/t', status = '/s' }"),
        ("hints", "{ seconds = ['/s'] }"),
        ("rules", "[{ http = [200], empty = true, status = 'succeeded' }]"),
    ],
)
def test_a_body_that_is_ignored_is_not_read(key, value):
    unread = UNREAD if key != "rules" else UNREAD.partition("rules")[0]
    assert f"kinds.job.{key}: ignore_body leaves " in complaint(path=f"{unread}{key} = {value}", status="")
    assert parse(path=f"{UNREAD}hints = {{ headers_ms = ['x-after-ms'] }}", status="")


def test_an_empty_title_is_refused():
    assert "title: give a line of text (it is ' ')" in complaint(title='title = " "')
