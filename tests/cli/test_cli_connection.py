"""What every client command does alike: addresses, keys, errors, exit codes."""

import json
import uuid

import pytest
from cli_fake_service import JOB_ID, Reply, job, listing, problem


def only_line(result):
    lines = result.stderr.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_unreachable_service_is_exit_3_and_says_how_to_start_it(tracker, dead_url):
    result = tracker("jobs", "list", TRACKER_URL=dead_url)
    assert (result.exit_code, result.stdout) == (3, "")
    assert dead_url in only_line(result)
    assert "tracker up" in result.stderr
    assert "TRACKER_URL" in result.stderr


def test_unreachable_service_is_exit_3_for_a_process_too(run_tracker, dead_url):
    code, stdout, stderr = run_tracker("jobs", "list", "--url", dead_url)
    assert (code, stdout) == (3, "")
    assert stderr.startswith("Error: Cannot reach Tracker at ")
    assert "Traceback" not in stderr


def test_url_option_wins_over_the_environment(tracker, service, dead_url):
    service.on("GET", "/v1/jobs", listing())
    assert tracker("jobs", "list", "--url", service.url, TRACKER_URL=dead_url).exit_code == 0


def test_url_may_have_a_path_before_the_api(tracker, service):
    service.on("GET", "/behind/a/proxy/v1/jobs", listing())
    assert tracker("jobs", "list", "--url", f"{service.url}/behind/a/proxy/").exit_code == 0


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://example.com", "http://", "nonsense", "http://[::1"])
def test_url_that_is_none_is_a_usage_error(tracker, url):
    result = tracker("jobs", "list", "--url", url)
    assert result.exit_code == 2
    assert "TRACKER_URL" in only_line(result)


def test_password_in_the_url_is_refused_and_not_repeated(tracker):
    result = tracker("jobs", "list", "--url", "http://me:hunter2@127.0.0.1:1")
    assert result.exit_code == 2
    assert "hunter2" not in only_line(result)


def test_key_comes_from_the_environment_alone(tracker, service):
    service.on("GET", "/v1/jobs", listing())
    tracker("jobs", "list")
    tracker("jobs", "list", TRACKER_API_KEY="")
    with_key, without_key = service.requests
    assert with_key.headers["authorization"] == "Bearer test-key-of-sufficient-length"
    assert "authorization" not in without_key.headers
    assert tracker("jobs", "list", "--api-key", "x").exit_code == 2


@pytest.mark.parametrize("key", ["two\nlines", "with blank", "schlüssel"])
def test_key_that_cannot_be_one_is_a_usage_error_that_does_not_repeat_it(tracker, key):
    result = tracker("jobs", "list", TRACKER_API_KEY=key)
    assert result.exit_code == 2
    assert "TRACKER_API_KEY" in only_line(result)
    assert key not in result.stderr


def test_every_post_has_an_idempotency_key_of_its_own(tracker, service):
    service.on("POST", f"/v1/jobs/{JOB_ID}/poll", Reply(202, job()))
    tracker("jobs", "poll", JOB_ID)
    tracker("jobs", "poll", JOB_ID)
    first, second = (uuid.UUID(request.headers["idempotency-key"]) for request in service.requests)
    assert first != second


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("as_problem", [True, False])
def test_refused_key_is_exit_2_and_names_the_variable(tracker, service, status, as_problem):
    refusal = (
        problem(status, detail="Not for you.") if as_problem else Reply(status, text="no", content_type="text/html")
    )
    service.on("GET", "/v1/jobs", refusal)
    result = tracker("jobs", "list")
    assert result.exit_code == 2
    assert "TRACKER_API_KEY" in only_line(result)


def test_not_found_is_exit_1_and_names_the_id(tracker):
    result = tracker("jobs", "show", JOB_ID)
    assert (result.exit_code, result.stdout) == (1, "")
    assert only_line(result) == f"Error: {JOB_ID} was not found: There is no such thing."


def test_not_found_does_not_name_the_id_twice(tracker, service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", problem(404, detail=f"There is no job '{JOB_ID}'."))
    assert only_line(tracker("jobs", "show", JOB_ID)) == f"Error: There is no job '{JOB_ID}'."


def test_conflict_is_exit_1_with_its_reason(tracker, service):
    service.on("POST", "/v1/deliveries/dlv_1/retry", problem(409, detail="It was delivered."))
    result = tracker("deliveries", "retry", "dlv_1")
    assert (result.exit_code, only_line(result)) == (1, "Error: It was delivered.")


def test_unprocessable_request_is_exit_2_with_each_place_that_is_wrong(tracker, service):
    errors = [
        {"pointer": "/remote_id", "detail": "is too long."},
        {"pointer": "/tags/0", "detail": "is empty"},
        {"parameter": "cursor", "detail": "is no cursor"},
        {"pointer": "", "detail": "is odd"},
    ]
    service.on("POST", "/v1/jobs", problem(422, detail="The body is not valid.", errors=errors))
    result = tracker("jobs", "add", "scenario", "x")
    assert (result.exit_code, result.stdout) == (2, "")
    assert only_line(result) == (
        "Error: The body is not valid: /remote_id: is too long; /tags/0: is empty; cursor: is no cursor; is odd."
    )


def test_only_error_is_not_said_twice(tracker, service):
    errors = [{"pointer": "/kind", "detail": "There is no kind 'x'."}]
    service.on("POST", "/v1/jobs", problem(422, detail="There is no kind 'x'.", errors=errors))
    assert only_line(tracker("jobs", "add", "scenario", "x")) == "Error: /kind: There is no kind 'x'."


@pytest.mark.parametrize("status", [400, 413, 422, 429])
def test_other_client_errors_are_exit_2(tracker, service, status):
    service.on("GET", "/v1/jobs", problem(status, detail="Not like this."))
    result = tracker("jobs", "list")
    assert (result.exit_code, only_line(result)) == (2, "Error: Not like this.")


@pytest.mark.parametrize(
    "reply",
    [
        problem(500, detail="Broken."),
        problem(503, detail="Starting."),
        Reply(502, text="<h1>", content_type="text/html"),
    ],
)
def test_server_errors_are_exit_3(tracker, service, reply):
    service.on("GET", "/v1/jobs", reply)
    result = tracker("jobs", "list")
    assert (result.exit_code, result.stdout) == (3, "")
    assert str(reply.status) in only_line(result)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(200, text="<html>a router's page</html>", content_type="text/html"),
        Reply(200, {"hello": "world"}),
        Reply(200, ["a", "list"]),
        Reply(200, {"data": "text"}),
        Reply(204),
        Reply(302, text="elsewhere"),
        Reply(404, text="no such page", content_type="text/html"),
        Reply(404, {"detail": "another API"}),
    ],
)
@pytest.mark.parametrize("command", [("jobs", "list"), ("jobs", "show", "list")])
def test_something_else_at_the_address_is_exit_3(tracker, service, reply, command):
    service.on("GET", "/v1/jobs", reply)
    service.on("GET", "/v1/jobs/list", reply)
    result = tracker(*command)
    assert (result.exit_code, result.stdout) == (3, "")
    assert "TRACKER_URL" in only_line(result)


@pytest.mark.parametrize("text", ["", ".", "..", "a/b", "a?b=c", "a b", "%2e%2e", "ä"])
@pytest.mark.parametrize("command", ["show", "wait", "watch", "poll", "forget"])
def test_what_cannot_be_an_id_never_leaves_the_machine(tracker, service, command, text):
    result = tracker("jobs", command, "--", text)
    assert result.exit_code == 2
    assert "is not an id" in result.stderr
    assert service.requests == []


def test_error_of_several_lines_becomes_one_without_control_characters(tracker, service):
    service.on("GET", "/v1/jobs", problem(400, detail="one\ntwo\x1b[2Jthree"))
    assert only_line(tracker("jobs", "list")) == "Error: one two�[2Jthree."


def test_argument_that_is_not_text_is_a_usage_error(run_tracker):
    code, stdout, stderr = run_tracker("jobs", "add", "scenario", b"\xff")
    assert (code, stdout) == (2, "")
    assert stderr == "Error: An argument is not valid UTF-8.\n"


@pytest.mark.parametrize("arguments", [(), ("jobs",), ("nonsense",), ("jobs", "add", "only-a-provider")])
def test_wrong_usage_is_exit_2_with_nothing_on_stdout(run_tracker, arguments):
    code, stdout, stderr = run_tracker(*arguments)
    assert (code, stdout) == (2, "")
    assert "Usage: tracker" in stderr


def test_client_commands_do_not_load_the_server(run_tracker):
    heavy = ("starlette", "uvicorn", "sqlmodel", "sqlalchemy", "alembic", "apscheduler", "tracker.serve")
    script = f"import sys, tracker.cli.app; print([name for name in {heavy!r} if name in sys.modules])"
    assert run_tracker(python=("-c", script)) == (0, "[]\n", "")


def test_text_beyond_ascii_survives_an_ascii_terminal(run_tracker, service):
    service.on("GET", "/v1/jobs", listing(job(remote_id="köln")))
    ascii_terminal = {"PYTHONIOENCODING": "ascii"}
    code, as_json, _ = run_tracker("jobs", "list", "--json", environ=ascii_terminal)
    assert (code, json.loads(as_json)["data"][0]["remote_id"]) == (0, "köln")
    code, as_table, stderr = run_tracker("jobs", "list", environ=ascii_terminal)
    assert (code, stderr) == (0, "")
    assert "köln" in as_table
