import json

import pytest
from cli_fake_service import Reply, attempt, delivery, listing, subscription

from tracker.cli.connection import connect
from tracker.cli.subscriptions import attempted

SUB_ID = subscription()["id"]
DELIVERY_ID = delivery()["id"]
DELIVERED = delivery(status="delivered", attempts=[attempt()])
REJECTED = delivery(attempts=[attempt(outcome="rejected", http_status=500, error="HTTP 500")])
SECRET = "whsec_" + "A" * 44


def test_add_sends_what_was_given_and_prints_the_secret_once(tracker, service):
    service.on("POST", "/v1/subscriptions", Reply(201, subscription(secret=SECRET)))
    options = ("--event", "job.*", "--provider", "decart", "--tag", "a", "--tag", "b", "--description", "shop")
    forms = ("--payload", "thin", "--order", "per_job", "--max-in-flight", "2")
    result = tracker("subscriptions", "add", "https://example.com/hook", *options, *forms)
    assert result.exit_code == 0
    assert result.stdout.count(SECRET) == 1
    assert "Keep the secret now" in result.stderr
    assert service.requests[0].body == {
        "callback_url": "https://example.com/hook",
        "events": ["job.*"],
        "providers": ["decart"],
        "tags": ["a", "b"],
        "description": "shop",
        "payload": "thin",
        "order": "per_job",
        "max_in_flight": 2,
    }


def test_add_as_json_is_pure(tracker, service):
    service.on("POST", "/v1/subscriptions", Reply(201, subscription(secret=SECRET)))
    result = tracker("subscriptions", "add", "https://example.com/hook", "--json")
    assert json.loads(result.stdout) == subscription(secret=SECRET)
    assert service.requests[0].body == {"callback_url": "https://example.com/hook"}


def test_list_shows_a_row_each(tracker, service):
    service.on("GET", "/v1/subscriptions", listing(subscription(), next_cursor="n"))
    result = tracker("subscriptions", "list", "--limit", "1", "--cursor", "c")
    assert result.stdout.splitlines()[1].split() == [
        SUB_ID,
        "https://example.com/hook",
        "job.succeeded",
        "active",
        "-",
    ]
    assert service.requests[0].query == {"limit": ["1"], "cursor": ["c"]}
    assert "--cursor n" in result.stderr
    as_json = tracker("subscriptions", "list", "--json")
    assert json.loads(as_json.stdout) == {"data": [subscription()], "next_cursor": "n"}


def test_show_prints_the_subscription(tracker, service):
    service.on("GET", f"/v1/subscriptions/{SUB_ID}", Reply(200, subscription()))
    assert SUB_ID in tracker("subscriptions", "show", SUB_ID).stdout
    assert json.loads(tracker("subscriptions", "show", SUB_ID, "--json").stdout) == subscription()


def test_add_asks_for_an_ed25519_signature(tracker, service):
    service.on("POST", "/v1/subscriptions", Reply(201, subscription(secret=SECRET)))
    tracker("subscriptions", "add", "https://example.com/hook", "--ed25519")
    assert service.requests[0].body == {"callback_url": "https://example.com/hook", "signatures": ["v1", "v1a"]}


@pytest.mark.parametrize(
    ("options", "body"),
    [((), {}), (("--grace", "0"), {"grace_seconds": 0}), (("--grace", "90.5"), {"grace_seconds": 90.5})],
)
def test_rotate_prints_the_new_secret_and_how_long_the_old_one_signs(tracker, service, options, body):
    until = "2026-11-23T10:00:00.000Z"
    rotated = subscription(secret=SECRET, previous_secret_expires_at=until)
    service.on("POST", f"/v1/subscriptions/{SUB_ID}/rotate-secret", Reply(200, rotated))
    result = tracker("subscriptions", "rotate", SUB_ID, *options)
    assert (result.exit_code, result.stdout.count(SECRET), until in result.stdout) == (0, 1, True)
    assert "Keep the secret now" in result.stderr
    assert service.requests[0].body == body
    assert json.loads(tracker("subscriptions", "rotate", SUB_ID, "--json").stdout) == rotated


@pytest.mark.parametrize("grace", ["-1", "a day", "inf", "nan"])
def test_grace_that_is_no_number_of_seconds_is_a_mistake_of_usage(tracker, service, grace):
    result = tracker("subscriptions", "rotate", SUB_ID, "--grace", grace)
    assert (result.exit_code, result.stdout) == (2, "")
    assert service.requests == []


@pytest.mark.parametrize(("outcome", "code"), [(DELIVERED, 0), (REJECTED, 1), (delivery(status="blocked"), 1)])
def test_test_reports_how_the_delivery_went(tracker, service, outcome, code):
    service.on("POST", f"/v1/subscriptions/{SUB_ID}/test", Reply(202, delivery()))
    service.on("GET", f"/v1/deliveries/{DELIVERY_ID}", Reply(200, outcome))
    result = tracker("subscriptions", "test", SUB_ID)
    assert result.exit_code == code
    assert DELIVERY_ID in result.stdout
    assert all(one["outcome"] in result.stdout for one in outcome.get("attempts", []))
    assert bool(result.stderr) == bool(code)
    as_json = tracker("subscriptions", "test", SUB_ID, "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)) == (code, outcome)


def test_test_waits_for_the_first_attempt(service):
    waiting = Reply(200, delivery(attempts=[]))
    service.on("GET", f"/v1/deliveries/{DELIVERY_ID}", waiting, waiting, Reply(200, DELIVERED))
    pauses = []
    with connect(service.url) as connection:
        assert attempted(connection, DELIVERY_ID, pauses.append) == DELIVERED
    assert len(pauses) == 2


def test_test_does_not_wait_for_a_paused_subscription_for_ever(service):
    service.on("GET", f"/v1/deliveries/{DELIVERY_ID}", Reply(200, delivery(attempts=[])))
    pauses = []
    with connect(service.url) as connection:
        assert attempted(connection, DELIVERY_ID, pauses.append)["status"] == "pending"
    assert sum(pauses) == 20


@pytest.mark.parametrize(
    ("command", "sent"),
    [
        (("enable",), {"status": "active"}),
        (("enable", "--from-now"), {"status": "active", "from_now": True}),
        (("disable",), {"status": "disabled"}),
    ],
)
def test_enable_and_disable_change_the_status(tracker, service, command, sent):
    changed = subscription(status=sent["status"])
    service.on("PATCH", f"/v1/subscriptions/{SUB_ID}", Reply(200, changed))
    result = tracker("subscriptions", command[0], SUB_ID, *command[1:])
    assert (result.exit_code, sent["status"] in result.stdout) == (0, True)
    assert service.requests[0].body == sent
    assert json.loads(tracker("subscriptions", command[0], SUB_ID, "--json").stdout) == changed


def test_remove_deletes(tracker, service):
    service.on("DELETE", f"/v1/subscriptions/{SUB_ID}", Reply(204))
    assert tracker("subscriptions", "remove", SUB_ID).stdout == f"{SUB_ID} is removed.\n"
    assert json.loads(tracker("subscriptions", "remove", SUB_ID, "--json").stdout) == {"id": SUB_ID, "deleted": True}


@pytest.mark.parametrize("command", ["show", "test", "rotate", "enable", "disable", "remove"])
def test_unknown_subscription_is_exit_1_and_named(tracker, command):
    result = tracker("subscriptions", command, "sub_nobody")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "sub_nobody was not found" in result.stderr
