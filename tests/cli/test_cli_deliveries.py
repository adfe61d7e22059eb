import json

import pytest
from cli_fake_service import JOB_ID, Reply, attempt, delivery, listing

DELIVERY_ID = delivery()["id"]


def test_list_sends_its_filters_and_prints_rows(tracker, service):
    row = delivery(job_id=JOB_ID, attempt_count=3)
    service.on("GET", "/v1/deliveries", listing(row))
    filters = ("--subscription-id", "sub_1", "--job-id", JOB_ID, "--event-id", "evt_1", "--status", "pending")
    result = tracker("deliveries", "list", *filters, "--limit", "5", "--cursor", "c")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].split()[:2] == [DELIVERY_ID, "subscription.test"]
    assert service.requests[0].query == {
        "subscription_id": ["sub_1"],
        "job_id": [JOB_ID],
        "event_id": ["evt_1"],
        "status": ["pending"],
        "limit": ["5"],
        "cursor": ["c"],
    }
    assert json.loads(tracker("deliveries", "list", "--json").stdout) == {"data": [row], "next_cursor": None}


def test_list_refuses_an_unknown_status(tracker, service):
    assert tracker("deliveries", "list", "--status", "lost").exit_code == 2
    assert service.requests == []


def test_show_prints_the_attempts(tracker, service):
    tried = delivery(attempts=[attempt(outcome="rejected", http_status=500, response_body="no\x1b[31m"), attempt()])
    service.on("GET", f"/v1/deliveries/{DELIVERY_ID}", Reply(200, tried))
    result = tracker("deliveries", "show", DELIVERY_ID)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-2].split()[-4:] == ["rejected", "500", "-", "no�[31m"]
    assert json.loads(tracker("deliveries", "show", DELIVERY_ID, "--json").stdout) == tried


def test_retry_attempts_again(tracker, service):
    service.on("POST", f"/v1/deliveries/{DELIVERY_ID}/retry", Reply(202, delivery()))
    assert "pending" in tracker("deliveries", "retry", DELIVERY_ID).stdout
    assert json.loads(tracker("deliveries", "retry", DELIVERY_ID, "--json").stdout) == delivery()


@pytest.mark.parametrize("command", ["show", "retry"])
def test_unknown_delivery_is_exit_1_and_named(tracker, command):
    result = tracker("deliveries", command, "dlv_nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "dlv_nobody was not found" in result.stderr
