import json
from pathlib import Path

import pytest
from cli_fake_service import Reply, listing

DESCRIPTION = """
name = "own"
title = "Own"
base_url = "https://api.own.example"
auth = { scheme = "bearer", token = "OWN_API_KEY" }

[kinds.job]
path = "/jobs/{id}"
id = ["/id"]
conditional = true
status = { pointers = ["/status"], running = ["busy"], succeeded = ["done"], failed = ["broken"] }
progress = { pointer = "/progress" }
output = { file = "/file" }
result_urls = { archive = "/{param.folder}/{id}" }
error = { message = ["/error"] }
history = { items = "/log", status = "/0", at = "/1" }
steps = { items = "/steps", id = "/id", type = "/type", status = "/status" }
cancel = { path = "/jobs/{id}/cancel" }
list = { path = "/jobs", items = "/jobs", next_page = "/next", page_query = "page" }
timing = { interval = 1, multiplier = 1.5, cap = 10 }
"""
READING = {
    "status": "running",
    "provider_status": "busy",
    "is_unknown": False,
    "progress": 0.5,
    "output": None,
    "error": None,
    "created_at": None,
    "started_at": None,
    "finished_at": None,
    "retry_after": None,
    "etag": None,
    "history": [],
    "steps": [],
}
BUDGET = {"requests_per_second": 2.5, "concurrent": 4}
PROVIDER = {
    "name": "own",
    "title": "Own",
    "docs": None,
    "base_url": "https://api.own.example",
    "default_kind": "job",
    "budget": BUDGET,
    "breaker": {"is_open": False},
    "kinds": {
        "job": {
            "statuses": {"running": ["busy"], "succeeded": ["done"]},
            "timing": {"first": None, "interval": 1.0, "multiplier": 1.5, "cap": 10.0, "timeout": 86400.0},
            "lists": True,
            "cancels": False,
            "result_lifetime": 3600.0,
        }
    },
    "accounts": [
        {"name": "default", "status": "active", "budget": BUDGET},
        {"name": "team-a", "status": "suspended", "message": "HTTP 401\x1b[31m", "budget": BUDGET},
    ],
}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(DESCRIPTION)
    return path


@pytest.fixture
def check(tracker, file, tmp_path):
    """Check the description with an answer, of which all but the options is written to a file."""

    def run(answer, *options):
        path = tmp_path / "answer.json"
        path.write_text(answer if isinstance(answer, str) else json.dumps(answer))
        return tracker("providers", "check", file, "--answer", path, *options)

    return run


def cells(text):
    """The fields that are printed a line each, by name; cells are apart by two spaces or more."""
    lines = [line.partition("  ") for line in text.splitlines() if "  " in line]
    return {name: value.strip() for name, _, value in lines}


def test_check_says_what_a_description_says(tracker, file):
    result = tracker("providers", "check", file)
    assert (result.exit_code, result.stderr) == (0, "")
    fields = cells(result.stdout)
    assert (fields["name"], fields["credentials"]) == ("own", "OWN_API_KEY")
    assert fields["budget"] == "100 a second, 100 at a time"
    row = result.stdout.splitlines()[-1]
    for cell in ("job  ", "GET /jobs/{id}  ", "GET /jobs  ", "POST /jobs/{id}/cancel  ", "1 s x 1.5 up to 10 s  "):
        assert cell in row
    assert row.endswith("  file, archive")
    assert "  conditional, id, progress, error, history, steps  " in row
    assert (fields["auth"], fields["headers"]) == ("bearer", "-")


def test_check_as_json_says_more(tracker, file):
    said = json.loads(tracker("providers", "check", file, "--json").stdout)
    assert said["kinds"]["job"]["statuses"] == {"running": ["busy"], "succeeded": ["done"], "failed": ["broken"]}
    assert said["kinds"]["job"]["timing"]["interval"] == 1


def test_summary_names_what_else_a_description_has(tracker, file):
    more = DESCRIPTION.replace("[kinds.job]", "headers = { Example-Version = '1' }\n[kinds.job]\nresult_lifetime = 60")
    file.write_text(more + 'hints = { seconds = ["/wait"] }\n')
    said = json.loads(tracker("providers", "check", file, "--json").stdout)
    assert (said["auth"], said["headers"]) == ("bearer", ["Example-Version"])
    assert said["kinds"]["job"]["has"][-2:] == ["hints", "result_lifetime"]


def test_check_needs_no_service_and_no_credentials(tracker, file):
    result = tracker("providers", "check", file, TRACKER_URL="http://127.0.0.1:1", OWN_API_KEY="")
    assert result.exit_code == 0


def test_wrong_file_is_exit_2_and_names_the_key_and_the_nearest(tracker, file):
    file.write_text(DESCRIPTION.replace("interval = 1", "intervall = 1"))
    result = tracker("providers", "check", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("Error: own.toml: kinds.job.timing.")
    assert "kinds.job.timing.intervall: unknown key; did you mean 'interval'?" in result.stderr


@pytest.mark.parametrize("text", [None, "name = ", "\x00", ""])
def test_file_that_is_no_description_is_exit_2_and_named(tracker, file, text):
    file.unlink()
    if text is not None:
        file.write_text(text)
    result = tracker("providers", "check", file)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: own.toml")


def test_reading_is_printed_as_json_and_the_id_is_the_answers(check):
    result = check({"id": "any-id", "status": "busy", "progress": 0.5}, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert json.loads(result.stdout) == READING


def test_reading_is_printed_as_fields_with_its_history_and_steps(check):
    log = [["busy", "2026-11-22T09:58:00Z"], ["done", "2026-11-22T10:00:00Z"]]
    step = {"id": "s1", "type": "model", "status": "ok"}
    answer = {"status": "done", "file": "https://cdn.example/1", "log": log, "steps": [step]}
    result = check(answer, "--param", "folder=all", "--id", "j1", "--header", "Retry-After: 7", "--header", 'ETag:"v"')
    assert result.exit_code == 0
    fields = cells(result.stdout)
    assert (fields["status"], fields["provider_status"], fields["retry_after"]) == ("succeeded", "done", "7.0")
    assert json.loads(fields["output"]) == {
        "file": "https://cdn.example/1",
        "archive": "https://api.own.example/all/j1",
    }
    assert fields["etag"] == '"v"'
    assert "2026-11-22T10:00:00.000Z" in result.stdout
    assert result.stdout.splitlines()[-1].split() == ["s1", "model", "ok", "-"]


def test_word_that_nobody_knows_is_noted(check):
    result = check({"id": "1", "status": "dreaming"})
    assert result.exit_code == 0
    assert cells(result.stdout)["is_unknown"] == "true"
    assert result.stderr == "No status knows the word 'dreaming': it counts as running, plus a flag.\n"


def test_answer_may_come_in_by_stdin(run_tracker, file, tmp_path):
    path = tmp_path / "answer.json"
    path.write_text('{"id": "1", "status": "busy"}')
    with path.open("rb") as answer:
        code, stdout, _ = run_tracker("providers", "check", file, "--answer", "-", "--json", stdin=answer)
    assert (code, json.loads(stdout)["status"]) == (0, "running")


@pytest.mark.parametrize(
    ("answer", "options", "code"),
    [
        ("<html>", (), "not_json"),
        ({"id": "1"}, (), "invalid"),
        ({"id": "1", "status": "busy"}, ("--id", "2"), "invalid"),
        ({}, ("--http-status", 429, "--header", "retry-after: 5"), "rate_limited"),
        ({}, ("--http-status", 401), "unauthorized"),
    ],
)
def test_problem_is_printed_and_is_exit_1(check, answer, options, code):
    result = check(answer, *options)
    assert result.exit_code == 1
    assert (cells(result.stdout)["answer"], cells(result.stdout)["code"]) == ("problem", code)
    assert result.stderr.startswith("Error: The answer is a problem of the poll: ")
    problem = json.loads(check(answer, *options, "--json").stdout)["problem"]
    assert problem["code"] == code
    assert problem["retry_after"] == (5 if code == "rate_limited" else None)


@pytest.mark.parametrize(("http_status", "code"), [(404, "not_found"), (410, "gone")])
def test_absent_job_is_no_problem(tracker, file, http_status, code):
    result = tracker("providers", "check", file, "--http-status", http_status)
    assert result.exit_code == 0
    assert (cells(result.stdout)["answer"], cells(result.stdout)["code"]) == ("absent", code)


def test_answer_that_nothing_changed_is_no_problem(tracker, file):
    result = tracker("providers", "check", file, "--http-status", 304)
    assert (result.exit_code, cells(result.stdout)) == (0, {"answer": "unchanged", "retry_after": "-"})


def test_page_of_a_list_is_read_row_by_row(check):
    rows = [{"id": "1", "status": "busy", "progress": 0.5, "log": [], "steps": []}, {"id": "2", "status": "broken"}]
    result = check({"jobs": rows, "next": "p2"}, "--page", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "rows": [
            {"id": "1", "row": "reading", "reading": READING},
            {"id": "2", "row": "insufficient", "reading": None},
        ],
        "next_page": "p2",
    }
    result = check({"jobs": rows, "next": "p2"}, "--page", "--id", "1", "--id", "3")
    assert [line.split()[:3] for line in result.stdout.splitlines()[1:]] == [
        ["1", "reading", "running"],
        ["3", "absent", "-"],
    ]
    assert result.stderr == "The next page: p2\n"


def test_page_that_is_none_is_a_problem(check):
    result = check({"error": "no"}, "--page")
    assert result.exit_code == 1
    assert "The list has no rows at '/jobs'" in result.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--kind", "task"), "has no kind 'task'; name one of: job"),
        (("--id", "1", "--id", "2"), "An answer is about one --id"),
        (("--id", "..", "--param", "folder=a"), "'..' cannot stand for {id} in a URL"),
        ((), "give it as --param folder=VALUE"),
        (("--header", "retry-after"), "--header takes NAME:VALUE"),
        (("--param", "folder"), "--param takes key=value"),
        (("--http-status", "99"), "Invalid value for '--http-status'"),
    ],
)
def test_option_that_cannot_be_used_is_exit_2(check, options, message):
    result = check({"status": "done", "file": "1", "log": []}, *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


def test_options_about_an_answer_want_one(tracker, file):
    for option in (("--id", "1"), ("--kind", "job"), ("--header", "a: b"), ("--param", "a=b"), ("--page",)):
        result = tracker("providers", "check", file, *option)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "by --answer, --http-status or --request" in result.stderr


BROUGHT = (
    DESCRIPTION.replace("/jobs/{id}", "{param.poll_url}", 1)
    .replace("[kinds.job]", 'hosts = ["*.own.example"]\n[kinds.job]')
    .replace('{ archive = "/{param.folder}/{id}" }', '{ archive = "{param.file_url}" }')
)


def test_request_is_printed_with_the_names_of_variables(tracker, file):
    file.write_text(DESCRIPTION.replace("conditional = true", 'method = "POST"\nbody = { a = "{param.a}" }'))
    options = ("--request", "--id", "j/1", "--param", "a=x", "--param", "folder=f")
    result = tracker("providers", "check", file, *options, OWN_API_KEY="secret-1234")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "POST https://api.own.example/jobs/j%2F1",
        "authorization: Bearer <OWN_API_KEY>",
        "content-type: application/json",
        "",
        '{"a": "x"}',
    ]
    as_json = json.loads(tracker("providers", "check", file, *options, "--json").stdout)
    assert (as_json["method"], as_json["body"]) == ("POST", {"a": "x"})
    assert as_json["headers"]["authorization"] == "Bearer <OWN_API_KEY>"


def test_request_of_a_list_is_printed(tracker, file):
    result = tracker("providers", "check", file, "--request", "--page")
    assert result.stdout.splitlines()[0] == "GET https://api.own.example/jobs"
    file.write_text(DESCRIPTION.replace('path = "/jobs", items', 'path = "/jobs", query = { ids = "{ids}" }, items'))
    assert tracker("providers", "check", file, "--request", "--page").exit_code == 2
    result = tracker("providers", "check", file, "--request", "--page", "--id", "1", "--id", "2")
    assert result.stdout.splitlines()[0] == "GET https://api.own.example/jobs?ids=1%2C2"


def test_request_of_basic_and_of_own_headers_is_printed_in_plain_text(tracker, file):
    basic = DESCRIPTION.replace('scheme = "bearer", token =', 'scheme = "basic", username = "OWN_USER", password =')
    file.write_text(basic.replace("[kinds.job]", 'headers = { Accept = "text/json" }\n[kinds.job]'))
    result = tracker("providers", "check", file, "--request", "--id", "1", "--param", "folder=f")
    assert result.stdout.splitlines()[1:] == [
        "accept: text/json",
        "authorization: Basic base64(<OWN_USER>:<OWN_API_KEY>)",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "The request names the job by its id: give it as --id"),
        (("--id", "1", "--id", "2"), "A request is about one --id"),
        (("--id", "1"), "need the parameter 'folder'. Give it as --param folder=VALUE."),
        (("--id", "..", "--param", "folder=a"), "'..' cannot stand in the path of a URL"),
        (("--id", "1", "--kind", "task"), "has no kind 'task'"),
        (("--id", "1", "--http-status", "200"), "give one of the two"),
        (("--id", "1", "--header", "a: b"), "give one of the two"),
    ],
)
def test_request_that_cannot_be_made_is_exit_2(tracker, file, options, message):
    result = tracker("providers", "check", file, "--request", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize("name", ["poll_url", "file_url"])
@pytest.mark.parametrize("url", ["https://own.example.evil/1", "http://a.own.example/1", "/jobs/1"])
def test_url_that_leads_elsewhere_is_an_error(tracker, check, file, name, url):
    file.write_text(BROUGHT)
    for result in (
        check({"id": "1", "status": "busy"}, "--param", f"{name}={url}"),
        tracker("providers", "check", file, "--request", "--id", "1", "--param", f"{name}={url}"),
    ):
        assert (result.exit_code, result.stdout) == (2, "")
        assert f"--param {name}: '{url}' leads elsewhere: give an https URL on *.own.example." in result.stderr


def test_url_that_leads_home_is_asked_for(tracker, file):
    file.write_text(BROUGHT)
    brought = ("--param", "poll_url=https://eu.own.example/1", "--param", "file_url=https://eu.own.example/2")
    result = tracker("providers", "check", file, "--request", *brought)
    assert result.stdout.splitlines()[0] == "GET https://eu.own.example/1"


@pytest.mark.parametrize(("http_status", "answer"), [(200, {"id": "1", "status": "busy"}), (429, {}), (404, {})])
def test_hint_beyond_an_hour_is_noted_with_what_counts(check, http_status, answer):
    result = check(answer, "--http-status", http_status, "--header", "Retry-After: 90000")
    assert "A hint counts for 3600 s at most: the next poll does not wait 90000 s.\n" in result.stderr
    result = check(answer, "--http-status", http_status, "--header", "Retry-After: 3600")
    assert "A hint counts" not in result.stderr


def test_answer_that_cannot_be_read_is_exit_2(tracker, file, tmp_path):
    result = tracker("providers", "check", file, "--answer", tmp_path)
    assert result.exit_code == 2
    assert "The answer cannot be read" in result.stderr


def test_kind_without_a_list_has_no_pages(tracker):
    built_in = Path(__file__).parents[2] / "tracker/providers/decart.toml"
    result = tracker("providers", "check", built_in, "--http-status", 200, "--page")
    assert result.exit_code == 2
    assert "Kind 'job' has no list" in result.stderr


def test_list_shows_a_row_each(tracker, service):
    service.on("GET", "/v1/providers", listing(PROVIDER, {"name": "bare"}))
    result = tracker("providers", "list")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()[1:]
    assert first.split() == ["own", "Own", "job", "default", "(active),", "team-a", "(suspended)"]
    assert second.split() == ["bare", "-", "-", "-"]
    as_json = json.loads(tracker("providers", "list", "--json").stdout)
    assert as_json == {"data": [PROVIDER, {"name": "bare"}], "next_cursor": None}


def test_show_prints_kinds_and_accounts(tracker, service):
    service.on("GET", "/v1/providers/own", Reply(200, PROVIDER))
    result = tracker("providers", "show", "own")
    assert result.exit_code == 0
    assert cells(result.stdout)["budget"] == "2.5 a second, 4 at a time"
    assert "1 s x 1.5 up to 10 s" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stdout.splitlines()[-1].split()[:2] == ["team-a", "suspended"]
    assert json.loads(tracker("providers", "show", "own", "--json").stdout) == PROVIDER


def test_show_prints_what_there_is(tracker, service):
    service.on("GET", "/v1/providers/bare", Reply(200, {"name": "bare", "kinds": {"job": {}}}))
    result = tracker("providers", "show", "bare")
    assert result.exit_code == 0
    assert cells(result.stdout)["name"] == "bare"


def test_unknown_provider_is_exit_1_and_named(tracker):
    result = tracker("providers", "show", "nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nobody was not found" in result.stderr


def test_name_that_could_change_the_path_is_refused(tracker, service):
    for name in ("..", "a/b", ""):
        assert tracker("providers", "show", name).exit_code == 2
    assert service.requests == []
