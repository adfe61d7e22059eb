import json

import pytest
from cli_fake_service import JOB_ID, NOW, Reply, failed, job, listing, problem, succeeded

from tracker.api.parameters import JOB_FILTERS, PAGING

TRANSITION = {
    "sequence": 1,
    "status": "running",
    "previous_status": None,
    "provider_status": "warming-up",
    "progress": 0.1,
    "occurred_at": "2026-11-22T09:59:58.000Z",
    "detected_at": "2026-11-22T10:00:00.123Z",
}


def test_add_sends_only_what_was_given(tracker, service):
    service.on("POST", "/v1/jobs", Reply(201, job()))
    result = tracker("jobs", "add", "scenario", "remote-1")
    assert (result.exit_code, result.stderr) == (0, "")
    assert service.requests[0].body == {"provider": "scenario", "remote_id": "remote-1"}


def test_add_sends_every_option(tracker, service):
    service.on("POST", "/v1/jobs", Reply(201, job()))
    options = (
        *("--kind", "editor", "--account", "team-a", "--param", "projectId=p=1", "--param", "empty="),
        *("--callback-url", "https://example.com/h", "--event", "job.*", "--event", "subscription.test"),
        *("--tag", "a", "--tag", "b", "--meta", "order=17", "--timeout", "600"),
    )
    assert tracker("jobs", "add", "wondercat", "r", *options).exit_code == 0
    assert service.requests[0].body == {
        "provider": "wondercat",
        "remote_id": "r",
        "kind": "editor",
        "account": "team-a",
        "params": {"projectId": "p=1", "empty": ""},
        "callback_url": "https://example.com/h",
        "events": ["job.*", "subscription.test"],
        "tags": ["a", "b"],
        "metadata": {"order": "17"},
        "timeout_seconds": 600,
    }


def test_add_prints_id_status_and_next_poll(tracker, service):
    service.on("POST", "/v1/jobs", Reply(201, job()))
    lines = [line.split() for line in tracker("jobs", "add", "scenario", "r").stdout.splitlines()]
    assert lines == [["id", JOB_ID], ["status", "running"], ["next_poll_at", "2026-11-22T10:00:05.000Z"]]


def test_add_of_a_tracked_job_says_so_beside_the_data(tracker, service):
    service.on("POST", "/v1/jobs", Reply(200, job()))
    result = tracker("jobs", "add", "scenario", "r", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (0, job())
    assert "tracked before" in result.stderr


@pytest.mark.parametrize("pair", ["novalue", "=x", ""])
@pytest.mark.parametrize("option", ["--param", "--meta"])
def test_add_refuses_what_is_no_pair(tracker, service, option, pair):
    result = tracker("jobs", "add", "scenario", "r", option, pair)
    assert result.exit_code == 2
    assert f"{option} takes key=value" in result.stderr
    assert service.requests == []


def test_add_refuses_the_same_key_twice(tracker, service):
    result = tracker("jobs", "add", "scenario", "r", "--meta", "a=1", "--meta", "a=2")
    assert result.exit_code == 2
    assert "'a' twice" in result.stderr
    assert service.requests == []


@pytest.mark.parametrize(("end", "code"), [(succeeded(), 0), (failed(), 1)])
def test_add_with_wait_ends_as_the_job_does(tracker, service, end, code):
    service.on("POST", "/v1/jobs", Reply(201, job(status="queued")))
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, end))
    assert tracker("jobs", "add", "scenario", "r", "--wait").exit_code == code
    result = tracker("jobs", "add", "scenario", "r", "--wait", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (code, end)


def test_list_sends_its_filters(tracker, service):
    service.on("GET", "/v1/jobs", listing())
    repeatable = {
        "provider": ["scenario", "decart"],
        "kind": ["job", "training"],
        "account": ["a", "b"],
        "status": ["queued", "failed"],
        "tag": ["t", "u"],
        "remote_id": ["r", "s"],
    }
    times = dict.fromkeys(("created_after", "created_before", "finished_after", "finished_before"), NOW)
    single = times | {"limit": "7", "cursor": "c/=="}
    given = [(name, value) for name, values in repeatable.items() for value in values] + list(single.items())
    options = [word for name, value in given for word in (f"--{name.replace('_', '-')}", value)]
    assert tracker("jobs", "list", *options, "--meta", "a=1", "--meta", "b=x=y").exit_code == 0
    sent = service.requests[0].query
    assert sent == repeatable | {name: [value] for name, value in single.items()} | {
        "metadata.a": ["1"],
        "metadata.b": ["x=y"],
    }
    assert {name for parameter in (*JOB_FILTERS, *PAGING) if (name := parameter.name) != "metadata.*"} < set(sent)


@pytest.mark.parametrize(("option", "limits"), [(("--all",), ["200"] * 3), (("--limit", "402"), ["200", "200", "2"])])
def test_list_takes_as_many_pages_as_are_wanted(tracker, service, option, limits):
    pages = [listing(*[job(id=f"job_{page}_{row}") for row in range(200)], next_cursor=f"c{page}") for page in (1, 2)]
    service.on("GET", "/v1/jobs", *pages, listing(job(id="job_x"), job(id="job_y"), next_cursor=None))
    document = json.loads(tracker("jobs", "list", "--json", *option).stdout)
    assert [request.query["limit"] for request in service.requests] == [[limit] for limit in limits]
    assert [request.query.get("cursor") for request in service.requests] == [None, ["c1"], ["c2"]]
    assert (len(document["data"]), document["data"][-1]["id"], document["next_cursor"]) == (402, "job_y", None)


def test_add_can_track_a_job_anew(tracker, service):
    service.on("POST", "/v1/jobs", Reply(201, job()))
    tracker("jobs", "add", "scenario", "r", "--rerun")
    assert service.requests[0].body == {"provider": "scenario", "remote_id": "r", "rerun": True}


@pytest.mark.parametrize("option", ["--status=done", "--limit=0", "--limit=9 --all", "--limit=x", "--meta=x"])
def test_list_refuses_values_that_the_service_would_refuse(tracker, service, option):
    assert tracker("jobs", "list", *option.split()).exit_code == 2
    assert service.requests == []


def test_list_prints_a_row_per_job_and_hints_at_the_next_page(tracker, service):
    service.on("GET", "/v1/jobs", listing(job(), job(id="job_b", progress=None), next_cursor="more"))
    result = tracker("jobs", "list")
    header, first, second = result.stdout.splitlines()
    assert header.split("  ")[0] == "ID"
    assert first.split() == [JOB_ID, "scenario", "job", "remote-1", "running", "25%", "2026-11-22T10:00:05.000Z"]
    assert second.split()[0] == "job_b"
    assert result.stderr == "There are more: go on with --cursor more\n"
    assert len(service.requests) == 1


def test_list_as_json_is_the_page_and_nothing_else(tracker, service):
    service.on("GET", "/v1/jobs", listing(job(), next_cursor="more"))
    result = tracker("jobs", "list", "--json")
    assert json.loads(result.stdout) == {"data": [job()], "next_cursor": "more"}
    assert result.stderr == ""


def test_list_of_nothing_says_so_beside_the_data(tracker, service):
    service.on("GET", "/v1/jobs", listing())
    assert tracker("jobs", "list").stderr == "There are none.\n"


def test_long_values_are_whole_in_a_pipe(run_tracker, service):
    long = "r" * 5000
    service.on("GET", "/v1/jobs", listing(job(remote_id=long), job()))
    code, stdout, stderr = run_tracker("jobs", "list")
    assert (code, stderr) == (0, "")
    assert long in stdout.splitlines()[1]
    assert not any(line.endswith(" ") for line in stdout.splitlines())


def test_long_values_are_folded_on_a_terminal_and_not_cut(run_on_a_terminal, service):
    address = "https://example.com/" + "x" * 300
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, succeeded(output={"image": address})))
    service.on("GET", f"/v1/jobs/{JOB_ID}/history", listing(TRANSITION))
    code, shown = run_on_a_terminal("jobs", "show", JOB_ID)
    assert code == 0
    assert address in "".join(shown.split())
    assert "\x1b[32msucceeded" in shown


def test_what_a_provider_says_cannot_steer_the_terminal_or_the_markup(tracker, service):
    service.on("GET", "/v1/jobs", listing(job(remote_id="[red]x[/red]\x1b]0;owned\x07\n:smile:")))
    row = tracker("jobs", "list").stdout.splitlines()[1]
    assert "[red]x[/red]�]0;owned� :smile:" in row


def test_show_prints_the_job_and_its_history_in_provider_times(tracker, service):
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, failed(output={"images": ["a"]})))
    service.on("GET", f"/v1/jobs/{JOB_ID}/history", listing(TRANSITION))
    result = tracker("jobs", "show", JOB_ID)
    assert (result.exit_code, result.stderr) == (0, "")
    assert '"message": "out of memory"' in result.stdout
    assert '{"images": ["a"]}' in result.stdout
    when = ["2026-11-22T09:59:58.000Z", "2026-11-22T10:00:00.123Z"]
    assert result.stdout.splitlines()[-1].split() == ["1", "running", "warming-up", "10%", *when]


def test_show_reads_every_page_of_the_history(tracker, service):
    later = TRANSITION | {"sequence": 2}
    service.on("GET", f"/v1/jobs/{JOB_ID}", Reply(200, job()))
    service.on("GET", f"/v1/jobs/{JOB_ID}/history", listing(TRANSITION, next_cursor="c"), listing(later))
    result = tracker("jobs", "show", JOB_ID, "--json")
    assert json.loads(result.stdout) == job(history=[TRANSITION, later])
    assert [request.query for request in service.sent("GET", f"/v1/jobs/{JOB_ID}/history")] == [{}, {"cursor": ["c"]}]


@pytest.mark.parametrize("verb", ["poll", "cancel"])
def test_poll_and_cancel_ask_for_it_and_show_the_job(tracker, service, verb):
    service.on("POST", f"/v1/jobs/{JOB_ID}/{verb}", Reply(202, job()))
    assert JOB_ID in tracker("jobs", verb, JOB_ID).stdout
    assert json.loads(tracker("jobs", verb, JOB_ID, "--json").stdout) == job()


def test_cancel_of_a_kind_that_cannot_is_exit_1_and_says_so(tracker, service):
    service.on("POST", f"/v1/jobs/{JOB_ID}/cancel", problem(409, detail="This kind cannot be canceled."))
    result = tracker("jobs", "cancel", JOB_ID)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "This kind cannot be canceled." in result.stderr


def test_forget_deletes_the_job(tracker, service):
    service.on("DELETE", f"/v1/jobs/{JOB_ID}", Reply(204))
    assert tracker("jobs", "forget", JOB_ID).stdout == f"{JOB_ID} is no longer tracked.\n"
    assert json.loads(tracker("jobs", "forget", JOB_ID, "--json").stdout) == {"id": JOB_ID, "deleted": True}


@pytest.mark.parametrize(
    "command",
    [("list",), ("show", JOB_ID), ("wait", JOB_ID), ("poll", JOB_ID), ("forget", JOB_ID), ("add", "scenario", "r")],
)
def test_no_error_puts_anything_on_stdout(tracker, service, command):
    broken = problem(500, detail="Broken.")
    for method, path in [("GET", ""), ("POST", ""), ("GET", JOB_ID), ("DELETE", JOB_ID)]:
        service.on(method, f"/v1/jobs/{path}".rstrip("/"), broken)
    service.on("GET", f"/v1/jobs/{JOB_ID}/wait", broken)
    service.on("POST", f"/v1/jobs/{JOB_ID}/poll", broken)
    for options in ((), ("--json",)):
        result = tracker("jobs", *command, *options)
        assert (result.exit_code, result.stdout) == (3, "")
        assert len(result.stderr.splitlines()) == 1
