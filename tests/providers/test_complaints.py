"""How the author of a wrong description is told: the place, the flaw, the way out, and never a credential."""

import pytest

from tracker.providers.description import DescriptionError, parse_description

from .wrong import complaint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": 'name = "small"\nbase_ulr = "x"'}, "base_ulr: unknown key; did you mean 'base_url'?"),
        (
            {"timing": "timing = { intervall = 5, interval = 5 }"},
            "kinds.job.timing.intervall: unknown key; did you mean 'interval'?",
        ),
        (
            {"status": 'status = { pointers = ["/s"], succeded = ["done"] }'},
            "kinds.job.status.succeded: unknown key; did you mean 'succeeded'?",
        ),
        (
            {"auth": 'auth = { scheme = "bearer", tokn = "K", token = "K" }'},
            "auth.tokn: unknown key; did you mean 'token'?",
        ),
        ({"timing": "timing = { interval = 5 }\nzzz = 1"}, "kinds.job.zzz: unknown key"),
        (
            {"timing": "timing = { interval = 5 }\nsteps.approval.typ = 1"},
            "kinds.job.steps.approval.typ: unknown key; did you mean 'type'?",
        ),
    ],
)
def test_an_unknown_key_is_refused_by_its_place_with_the_nearest_that_exists(changes, message):
    assert message in complaint(**changes)


MORE = "timing = { interval = 5 }\n    "


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"timing": MORE + "interval = 5"}, "kinds.job.interval: unknown key; 'interval' belongs into timing"),
        ({"name": 'name = "small"\ncap = 5'}, "cap: unknown key; 'cap' belongs into timing"),
        ({"timing": MORE + "items = '/x'"}, "'items' belongs into history or list or steps"),
        (
            {"timing": "timing = { interval = 5, submits = [] }"},
            "kinds.job.timing.submits: unknown key; 'submits' belongs at the top of the file, before the first [table]",
        ),
        (
            {"timing": "timing = { interval = 5, conditional = true }"},
            "'conditional' belongs into its kind, or at the top of the file, before the first [table]",
        ),
        ({"name": 'name = "small"\nheader = "x"'}, "did you mean 'headers'? 'header' belongs into auth"),
    ],
)
def test_a_key_in_the_wrong_table_is_told_where_it_belongs(changes, message):
    assert complaint(**changes).endswith(message)


def test_a_key_that_resembles_none_is_answered_with_those_that_are_known_in_its_place():
    message = complaint(timing=MORE + "zzz = 1")
    assert "kinds.job.zzz: unknown key; known here are: body, " in message
    assert "fold_case" not in message
    assert "known here are: interval" not in complaint(timing="timing = { interval = 5, zzz = 1 }")
    assert "known here are: cap, delay_per_poll, first, interval" in complaint(
        timing="timing = { interval = 5, zzz = 1 }"
    )


def test_a_kind_that_is_named_like_a_section_has_keys_of_its_own():
    message = complaint(kind="[kinds.status]", timing=MORE + "zzz = 1")
    assert "kinds.status.zzz: unknown key; known here are: body, " in message


SCHEMES = '"basic", "bearer", "header" or "none"'


@pytest.mark.parametrize(
    ("auth", "message"),
    [
        ("{ scheme = 'magic' }", f"auth.scheme: give {SCHEMES} (it is 'magic')"),
        ("{ scheme = 'sk-secret-1234' }", f"auth.scheme: give {SCHEMES}"),
        ("{ token = 'A' }", f"auth.scheme: give {SCHEMES}, and then what goes with it"),
        ("'sk-secret-1234'", 'auth: give a table, such as { scheme = "bearer", token = "EXAMPLE_API_KEY" }'),
        ("{ scheme = 'bearer', token = 'A', header = 'B' }", "unknown key; 'header' goes with scheme \"header\" only"),
        ("{ scheme = 'none', token = 'A' }", '\'token\' goes with scheme "bearer" or "header" only'),
        ("{ scheme = 'none', zzz = 'A' }", "auth.zzz: unknown key; known here are: scheme"),
        ("{ scheme = 'bearer', token = 'sk-secret-1234' }", "EXAMPLE_API_KEY, and never the credential itself"),
        ("{ scheme = 'bearer', token = 'small_key' }", "give the NAME of an environment variable, such as SMALL_KEY"),
        ("{ scheme = 'header', token = 'A', header = 'Host' }", "auth.header: this header is Tracker's own"),
    ],
)
def test_what_is_wrong_about_credentials_is_told_without_them(auth, message):
    said = complaint(auth=f"auth = {auth}")
    assert message in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("top", "message"),
    [
        ('base_url = "https://api.small.example/"', "leave out the slash at its end (it is 'https://api.small."),
        ('base_url = "api.small.example"', "begin it with https:// (it is 'api.small.example')"),
        ('base_url = "https://user:secret@api.small.example"', "credentials go into auth, not into a URL"),
        ('base_url = "https://api.small.example?key=secret"', "leave out '?' or '#' and all behind it"),
        ('base_url = "https://api.small.example/v1#top"', "leave out '?' or '#' and all behind it"),
        ('base_url = "https://{param.host}"', "it holds no placeholders, they go into path"),
        ('base_url = "https://a b"', "give a URL like https://api.example.com/v1"),
    ],
)
def test_a_base_url_is_told_how_to_be(top, message):
    said = complaint(base_url=top)
    assert f"base_url: {message}" in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("https://api.small.example/v1", "without scheme, port or path, such as 'api.small.example'"),
        ("https://user:secret@api.small.example", "such as 'api.small.example'"),
        ("api.small.example:443", "such as 'api.small.example'"),
        ("API.small.example", "such as 'api.small.example'"),
        ("localhost", "such as 'api.example.com' or '*.example.com' (it is 'localhost')"),
        ("*", "that is every host there is: name a domain behind it, such as '*.example.com' (it is '*')"),
        ("!*", "that is every host there is"),
    ],
)
def test_a_host_is_told_how_to_be(host, message):
    said = complaint(name=f'name = "small"\nhosts = ["{host}"]')
    assert "hosts.0: " in said
    assert message in said
    assert "secret" not in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "[kinds.Image]"}, "kinds.Image: give small letters, digits, '-' and '_', a letter first and 40 at"),
        ({"kind": "[kinds.'My Image']"}, "such as 'my-image' (it is 'My Image')"),
        ({"name": 'name = "9"'}, "name: give small letters"),
        (
            {"name": 'name = "small"\nheaders = { X = "a\\nb" }'},
            "headers.X: give ASCII characters on one line; no header",
        ),
        ({"name": 'name = "small"\nheaders = { "X Y" = "a" }'}, "headers.X Y: give the name of a header"),
        ({"name": f"name = {2**70}"}, "name: give a whole number of 64 bits at most"),
        ({"timing": 'timing = { interval = "5" }'}, "kinds.job.timing.interval: give a number (it is '5')"),
        ({"timing": "timing = { interval = 0 }"}, "timing.interval: give a number above 0 (it is 0)"),
        ({"timing": "timing = { interval = 2592001 }"}, "give a number of at most 2592000 (it is 2592001)"),
        ({"timing": "timing = { interval = nan }"}, "kinds.job.timing.interval: nan stands for no number"),
        ({"timing": MORE + 'conditional = "yes"'}, "kinds.job.conditional: give true or false (it is 'yes')"),
        ({"timing": MORE + "method = 'FETCH'"}, "give 'GET', 'POST', 'PUT', 'PATCH' or 'DELETE' (it is 'FETCH')"),
        ({"timing": MORE + "steps = [1, 2]"}, "kinds.job.steps: give a table (it is [1,2])"),
        ({"timing": MORE + f"output = [{'1, ' * 99}]"}, f"give a table (it is [{'1,' * 39}1…)"),
        ({"timing": MORE + "id = '/id'"}, """kinds.job.id: give a list: ["/id"] (it is '/id')"""),
        (
            {"timing": MORE + "id = ['id']"},
            "id.0: 'id' is not a JSON pointer: it begins with '/', and '~' is written '~0'",
        ),
        (
            {"timing": MORE + "rules = [{ http = ['6xx', true], status = 'failed' }]"},
            'a class of them, such as "4xx" (it',
        ),
        ({"status": "status = { pointers = ['/s'], succeeded = 'DONE' }"}, "give a list: [\"DONE\"] (it is 'DONE')"),
        ({"status": "status = { pointers = ['/s'], succeeded = [1] }"}, 'succeeded.0: give a text: "1" (it is 1)'),
        ({"status": "status = { pointers = ['s'], succeeded = ['x'] }"}, "pointers.0: 's' is not a JSON pointer"),
        (
            {"status": "status = { pointers = ['/s'], otherwise = 'x' }"},
            "otherwise: give 'queued' or 'running' (it is 'x')",
        ),
        (
            {"timing": MORE + "rules = [{ status = 'failed', where = [{ pointer = '/a', equals = ['x'] }] }]"},
            'equals: give a text, a number, true or false; one_of takes a list (it is ["x"])',
        ),
    ],
)
def test_a_value_is_told_how_to_be_and_what_it_is(changes, message):
    assert message in complaint(**changes)


@pytest.mark.parametrize(
    ("changes", "flaws"),
    [
        ({"timing": MORE + "rules = [{ http = ['6xx'], status = 'failed' }]"}, 1),
        ({"timing": MORE + "rules = [{ status = 'failed', where = [{ pointer = '/a', equals = ['x'] }] }]"}, 1),
        ({"status": "status = { pointers = ['s'], succeeded = ['x'] }"}, 1),
        ({"status": "status = { pointers = ['s', 't'], succeeded = ['x'] }"}, 2),
    ],
)
def test_a_flaw_is_told_once(changes, flaws):
    assert complaint(**changes).count("; kinds.") == flaws - 1


SEVERAL = """
name = "several"
title = "Several"
base_url = "https://api.several.example"
auth = { scheme = "none" }
path = "jobs/{id}"
[status]
pointers = ["/status"]
succeeded = ["done"]
[timing]
cap = 5
[kinds.a]
[kinds.b]
[kinds.c.timing]
first = 1
"""


def complaint_about(text):
    with pytest.raises(DescriptionError) as caught:
        parse_description(text, "several.toml")
    return str(caught.value).removeprefix("several.toml: ").split("; ")


def test_what_is_wrong_at_the_top_is_told_once_and_by_its_place_there():
    assert complaint_about(SEVERAL) == [
        "path: path 'jobs/{id}' must begin with '/'",
        "timing.interval: Field required",
    ]


def test_what_is_wrong_in_a_kind_is_told_by_its_place_there_though_the_top_has_the_key_too():
    wrong = SEVERAL.replace("cap = 5", "interval = 5").replace('"jobs', '"/jobs').replace("first = 1", "interval = -1")
    assert complaint_about(wrong) == ["kinds.c.timing.interval: give a number above 0 (it is -1)"]
    inner = wrong.replace("interval = -1", "first = 1\n[kinds.b.steps.approval]\ntype = 'x'")
    assert "kinds.b.steps.approval.status: Field required" in complaint_about(inner)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name = 5 5", "'name = 5 5'"),
        ("a = 1\nb = [1, 2 3]\n", "'b = [1, 2 3]'"),
        (f"name = {'5 ' * 99}", f"'name = {'5 ' * 36}5'…"),
        ("token = sk-1234", ""),
        ('auth = { scheme = "bearer", "token" = sk-1234 }', ""),
        ("[headers]\nX-Api-Key = sk-1234", ""),
        ('name = ["a",\n"sk-1234" "b"]', ""),
    ],
)
def test_the_line_that_is_not_toml_is_shown_unless_a_credential_may_stand_in_it(text, line):
    with pytest.raises(DescriptionError) as caught:
        parse_description(text, "own.toml")
    message = str(caught.value)
    assert message.endswith(f"): {line}" if line else ")")
    assert "sk-1234" not in message
