"""`tracker keys …`, and the key that lies ready for whoever runs the service."""

import json
import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from cli_fake_service import Reply, listing, problem

from tracker.key_file import KeyFile

FOUND = "trk_the-key-of-the-first-start"
DATABASE = "sqlite:////var/lib/tracker.db"


def a_key(**changes):
    return {
        "id": "key_1",
        "name": "the shop",
        "scope": "write",
        "last4": "wxyz",
        "created_at": "2026-11-22T10:00:00.000Z",
        "last_used_at": None,
        "expires_at": None,
        "revoked_at": None,
        **changes,
    }


@pytest.fixture
def key_file(service, tmp_path, monkeypatch):
    """A key that lies ready for the service that runs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    file = KeyFile(DATABASE)
    file.keep(FOUND, "127.0.0.1", int(service.url.rpartition(":")[2]))
    service.on("GET", "/v1/jobs", listing())
    return file


def sent_key(service):
    return service.requests[-1].headers.get("authorization")


def test_key_is_created_and_printed_once(tracker, service):
    service.on("POST", "/v1/keys", Reply(201, a_key(key="trk_new")))
    result = tracker("keys", "create", "--name", "the shop", "--scope", "read")
    assert result.exit_code == 0
    assert "trk_new" in result.stdout
    assert "not shown again" in result.stderr
    assert service.requests[-1].body == {"name": "the shop", "scope": "read"}


def test_key_may_write_unless_it_is_said_otherwise(tracker, service):
    service.on("POST", "/v1/keys", Reply(201, a_key(key="trk_new")))
    result = tracker("keys", "create", "--name", "the shop", "--json")
    assert json.loads(result.stdout)["key"] == "trk_new"
    assert service.requests[-1].body == {"name": "the shop", "scope": "write"}


def test_key_expires_in_so_long(tracker, service):
    service.on("POST", "/v1/keys", Reply(201, a_key(key="trk_new")))
    before = datetime.now(UTC)
    tracker("keys", "create", "--name", "the shop", "--expires-in", "30d")
    expires_at = datetime.fromisoformat(service.requests[-1].body["expires_at"])
    assert before + timedelta(days=30) <= expires_at <= datetime.now(UTC) + timedelta(days=30)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--name", "x", "--scope", "root"),
        ("--name", "x", "--expires-in", "soon"),
        ("--name", "x", "--expires-in", "0s"),
    ],
)
def test_key_that_cannot_be_made_is_a_usage_error(tracker, service, arguments):
    result = tracker("keys", "create", *arguments)
    assert (result.exit_code, result.stdout, service.requests) == (2, "", [])


def test_keys_are_listed(tracker, service):
    page = listing(a_key(), a_key(id="key_2", revoked_at="2026-11-23T10:00:00.000Z"))
    service.on("GET", "/v1/keys", page)
    result = tracker("keys", "list")
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.splitlines()] == ["ID", "key_1", "key_2"]
    assert "wxyz" in result.stdout
    assert len(json.loads(tracker("keys", "list", "--json").stdout)["data"]) == 2


def test_key_is_revoked(tracker, service):
    service.on("DELETE", "/v1/keys/key_1", Reply(204))
    result = tracker("keys", "revoke", "key_1")
    assert (result.exit_code, result.stdout) == (0, "key_1 is revoked.\n")
    assert json.loads(tracker("keys", "revoke", "key_1", "--json").stdout) == {"id": "key_1", "revoked": True}


def test_last_admin_key_is_exit_1_with_the_way_out(tracker, service):
    service.on("DELETE", "/v1/keys/key_1", problem(409, detail="It is the last admin key. Make another first."))
    result = tracker("keys", "revoke", "key_1")
    assert (result.exit_code, result.stderr) == (1, "Error: It is the last admin key. Make another first.\n")


@pytest.mark.usefixtures("key_file")
def test_key_that_lies_ready_is_sent(tracker, service):
    port = service.url.rpartition(":")[2]
    for url in (service.url, f"http://localhost:{port}"):
        assert tracker("jobs", "list", TRACKER_API_KEY="", TRACKER_URL=url).exit_code == 0
        assert sent_key(service) == f"Bearer {FOUND}"


@pytest.mark.usefixtures("key_file")
def test_key_of_the_environment_goes_first(tracker, service):
    tracker("jobs", "list")
    assert sent_key(service) == "Bearer test-key-of-sufficient-length"


def test_refused_key_that_lay_ready_is_named_by_its_file(tracker, service, key_file):
    service.on("GET", "/v1/jobs", problem(401, detail="Send a valid API key."))
    result = tracker("jobs", "list", TRACKER_API_KEY="")
    assert result.exit_code == 2
    assert str(key_file.path) in result.stderr
    assert "TRACKER_API_KEY" in result.stderr
    assert FOUND not in result.stderr


def test_exposed_key_is_not_sent_and_said_to_be_so(tracker, service, key_file):
    key_file.path.chmod(0o640)
    result = tracker("jobs", "list", TRACKER_API_KEY="")
    assert (result.exit_code, result.stdout, service.requests) == (2, "", [])
    assert str(key_file.path) in result.stderr
    assert "can be read by others" in result.stderr


def test_newest_of_two_keys_for_one_address_is_sent(tracker, service, key_file):
    newer = KeyFile("sqlite:////var/lib/newer.db")
    newer.keep("trk_newer", "127.0.0.1", int(service.url.rpartition(":")[2]))
    os.utime(key_file.path, (time.time() - 60,) * 2)
    tracker("jobs", "list", TRACKER_API_KEY="")
    assert sent_key(service) == "Bearer trk_newer"
