"""The service as a process of its own: how it greets, how it refuses to start, and how it stops."""

import base64
import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from time import monotonic

import httpx
import pytest

from tracker.serve import StartError, _listen, migrate
from tracker.settings import Settings

PROGRAM = """
import os
from tracker.serve import serve
from tracker.settings import Settings
serve(Settings.from_environment(os.environ))
"""
KEY = "an-admin-key-of-the-operator"
GUARD = 60
GREETING = re.compile(r"Tracker listens on (http://\S+) \(database: (\S+)\)\.\n")


class Process:
    """The service as a process; what it writes to standard error is read line by line."""

    def __init__(self, folder, *command, **environ):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
        settings = {"TRACKER_PORT": "0", "TRACKER_DATABASE_URL": f"sqlite:///{folder / 'tracker.db'}"}
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, *(command or ("-c", PROGRAM))],
            env=inherited | settings | environ,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._guard = threading.Timer(GUARD, self._process.kill)
        self._guard.start()
        self.said = ""

    def greeting(self):
        """Waits for the greeting, and returns the base URL and the database in it."""
        for line in self._process.stderr:
            self.said += line
            if found := GREETING.fullmatch(line):
                return found.groups()
        pytest.fail(f"The process ended without a greeting: {self.said}")

    def wait_for_line(self, sought):
        """Waits until the log says this."""
        for line in self._process.stderr:
            self.said += line
            if sought in line:
                return line
        pytest.fail(f"The process ended and never said {sought}: {self.said}")

    def hang_up(self):
        self._process.send_signal(signal.SIGHUP)

    def client(self):
        headers = {"authorization": f"Bearer {KEY}"}
        return httpx.Client(base_url=self.greeting()[0], headers=headers, trust_env=False, timeout=GUARD)

    def end(self, number=None):
        """Sends a signal, waits for the end, and returns the exit code and all that was said."""
        if number is not None:
            self._process.send_signal(number)
        self.said += self._process.communicate()[1]
        self._guard.cancel()
        return self._process.returncode, self.said

    def clean_up(self):
        if self._process.returncode is None:
            self.end(signal.SIGKILL)


@pytest.fixture
def start(tmp_path):
    started = []

    def start_one(*command, **environ):
        started.append(Process(tmp_path, *command, **environ))
        return started[-1]

    yield start_one
    for process in started:
        process.clean_up()


@pytest.fixture
def hanging():
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(GUARD)
        yield server


def address_of(server):
    return "http://{}:{}".format(*server.getsockname())


def ended_within(process, seconds, number=signal.SIGTERM):
    began = monotonic()
    code, said = process.end(number)
    assert monotonic() - began < seconds
    assert "Traceback" not in said
    return code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_process_with_exit_code_0(start, number):
    process = start(TRACKER_API_KEY=KEY)
    with process.client() as client:
        assert client.get("/readyz").json() == {"status": "ready"}
        # The client's connection is still open, and idle.
        assert ended_within(process, 8, number) == 0


def test_first_start_shows_a_key_once_and_a_second_start_does_not(start, tmp_path):
    first = start()
    url, database = first.greeting()
    assert database == f"sqlite:///{tmp_path / 'tracker.db'}"
    assert status_of(f"{url}/v1/jobs", "no-key") == 401
    code, said = first.end(signal.SIGTERM)
    (key,) = re.findall(r"trk_\S+", said)
    assert (code, said.count(key)) == (0, 1)
    second = start()
    url, _ = second.greeting()
    assert status_of(f"{url}/v1/jobs", key) == 200
    code, said = second.end(signal.SIGTERM)
    assert (code, "trk_" in said, "API key" in said, "/login" in said) == (0, False, False, False)


def list_jobs(folder, url, state_home):
    """`tracker jobs list` in a shell where nothing is set."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TRACKER_")}
    return subprocess.run(  # noqa: S603 - our own command line
        [sys.executable, "-m", "tracker", "jobs", "list", "--json", "--url", url],
        env=environ | {"XDG_STATE_HOME": str(state_home)},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )


def test_command_line_finds_the_key_of_the_first_start(start, tmp_path):
    state_home = tmp_path / "state"
    for _ in range(2):  # the port is another after the second start
        process = start(XDG_STATE_HOME=str(state_home))
        url, _ = process.greeting()
        listed = list_jobs(tmp_path, url, state_home)
        assert (listed.returncode, listed.stderr) == (0, "")
        assert json.loads(listed.stdout)["data"] == []
        process.end(signal.SIGTERM)
    (path,) = (state_home / "tracker" / "keys").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_key_file_goes_with_its_key(start, tmp_path):
    state_home = tmp_path / "state"
    process = start(XDG_STATE_HOME=str(state_home))
    url, _ = process.greeting()
    (path,) = (state_home / "tracker" / "keys").iterdir()
    headers = {"authorization": f"Bearer {json.loads(path.read_text())['key']}"}
    with httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=GUARD) as client:
        client.post("/v1/keys", json={"name": "another", "scope": "admin"}).raise_for_status()
        (first,) = [key for key in client.get("/v1/keys").json()["data"] if key["name"] == "first start"]
        client.delete(f"/v1/keys/{first['id']}").raise_for_status()
    assert not path.exists()
    assert list_jobs(tmp_path, url, state_home).returncode == 2


def test_key_file_of_a_database_that_is_gone_goes_too(start, tmp_path):
    state_home = tmp_path / "state"
    first = start(XDG_STATE_HOME=str(state_home))
    first.greeting()
    first.end(signal.SIGTERM)
    for path in tmp_path.glob("tracker.db*"):
        path.unlink()
    second = start(XDG_STATE_HOME=str(state_home), TRACKER_API_KEY=KEY)
    second.greeting()
    assert list((state_home / "tracker" / "keys").iterdir()) == []


def test_first_start_prints_a_link_that_signs_in_once(start):
    process = start()
    url = process.greeting()[0]
    path = process.wait_for_line("/login?code=").strip().removeprefix(url)
    with httpx.Client(base_url=url, trust_env=False) as browser:
        assert browser.get(path).headers["location"] == "/"
        assert browser.get("/jobs").status_code == 200
        assert httpx.get(url + path, trust_env=False).status_code == 401


def test_service_starts_where_no_key_can_be_kept(start, tmp_path):
    (tmp_path / "file").touch()
    process = start(XDG_STATE_HOME=str(tmp_path / "file"))
    process.greeting()
    code, said = process.end(signal.SIGTERM)
    (key,) = re.findall(r"trk_\S+", said)
    assert (code, "key_file.unusable" in said, said.count(key)) == (0, True, 1)


def status_of(url, key):
    return httpx.get(url, headers={"authorization": f"Bearer {key}"}, trust_env=False).status_code


def usable_accounts(client):
    accounts = client.get("/v1/providers/decart").json()["accounts"]
    return [account["name"] for account in accounts if account["has_credentials"]]


def test_sighup_takes_the_credentials_that_its_env_file_holds_now(start, tmp_path):
    env_file = tmp_path / "tracker.env"
    env_file.write_text(f"TRACKER_API_KEY={KEY}\nDECART_API_KEY__OLD=hunter2\n")
    process = start("-m", "tracker", "up", "--env-file", str(env_file))
    with process.client() as client:
        assert usable_accounts(client) == ["old"]
        env_file.write_text("DECART_API_KEY__NEW=hunter3\n")
        process.hang_up()
        process.wait_for_line("credentials.taken")
        assert usable_accounts(client) == ["new"]
        env_file.write_text("DECART_API_KEY=hunter2\nnonsense hunter4\n")
        process.hang_up()
        assert f"{env_file}:2: is not KEY=VALUE" in process.wait_for_line("credentials.kept")
        assert usable_accounts(client) == ["new"]
    code, said = process.end(signal.SIGTERM)
    assert (code, "hunter" in said) == (0, False)


def test_second_process_on_a_database_ends_and_says_why(start, tmp_path):
    first = start(TRACKER_API_KEY=KEY)
    with first.client() as client:
        code, said = start(TRACKER_API_KEY=KEY).end()
        assert code != 0
        assert "StartError" in said
        assert f"{tmp_path / 'tracker.db'} is in use by another Tracker process. Stop that one first" in said
        assert "Tracker listens" not in said
        assert client.get("/readyz").status_code == 200


def test_port_in_use_is_told_before_anything_else_is_done(start, hanging, tmp_path):
    port = hanging.getsockname()[1]
    code, said = start(TRACKER_PORT=str(port)).end()
    assert code != 0
    assert f"StartError: Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another --port." in said
    assert not (tmp_path / "tracker.db").exists()


@pytest.mark.parametrize("host", ["receiver.invalid", "a..b", "203.0.113.1"])
def test_host_that_is_not_ours_is_a_start_error(host):
    with pytest.raises(StartError, match=f"Cannot listen on {re.escape(host)}:0: .+ Choose another"):
        _listen(Settings(host=host, port=0))


def in_flight(client, provider, subscriber):
    """A poll and an attempt under way, neither of which is ever answered; returns the job."""
    job = client.post("/v1/jobs", json={"provider": "decart", "remote_id": "1"}).json()
    client.post(f"/v1/jobs/{job['id']}/poll").raise_for_status()
    made = client.post("/v1/subscriptions", json={"callback_url": address_of(subscriber)}).json()
    client.post(f"/v1/subscriptions/{made['id']}/test").raise_for_status()
    connections = [server.accept()[0] for server in (provider, subscriber)]
    for connection in connections:
        assert connection.recv(100)
    return job, connections


def wait_for(client, job):
    """A request that waits for the job, once the service has it."""
    waiting = socket.create_connection((client.base_url.host, client.base_url.port), timeout=GUARD)
    head = f"GET /v1/jobs/{job['id']}/wait?timeout=300 HTTP/1.1\r\nhost: tracker\r\nauthorization: Bearer {KEY}\r\n\r\n"
    waiting.sendall(head.encode())
    # What came first is read first.
    client.get("/healthz").raise_for_status()
    return waiting


def test_stop_answers_who_waits_and_gives_back_what_hangs(start, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as provider, socket.create_server(("127.0.0.1", 0)) as subscriber:
        environ = {"DECART_API_KEY": "k", "TRACKER_DECART_BASE_URL": address_of(provider)}
        process = start(TRACKER_API_KEY=KEY, TRACKER_ALLOWED_NETWORKS="127.0.0.0/8", **environ)
        with process.client() as client:
            job, connections = in_flight(client, provider, subscriber)
            waiting = wait_for(client, job)
            assert ended_within(process, 18) == 0
        answer = waiting.makefile("rb").read()
        for connection in (waiting, *connections):
            connection.close()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert f'"id":"{job["id"]}"'.encode() in answer
    with closing(sqlite3.connect(tmp_path / "tracker.db")) as database:
        assert database.execute("SELECT leased_until, polls FROM jobs").fetchall() == [(None, 0)]
        query = "SELECT leased_until, status, attempts FROM deliveries"
        assert database.execute(query).fetchall() == [(None, "pending", 0)]


def test_stop_ends_streams_in_order(start):
    process = start(TRACKER_API_KEY=KEY)
    with process.client() as client:
        stream = socket.create_connection((client.base_url.host, client.base_url.port), timeout=GUARD)
    stream.sendall(f"GET /v1/events/stream HTTP/1.1\r\nhost: tracker\r\nauthorization: Bearer {KEY}\r\n\r\n".encode())
    with stream, stream.makefile("rb") as lines:
        assert lines.readline() == b"HTTP/1.1 200 OK\r\n"
        while not lines.readline().startswith(b"id: "):
            pass
        code, said = process.end(signal.SIGTERM)
        # The empty chunk is the end of a body that is whole.
        assert lines.read().endswith(b"\r\n0\r\n\r\n")
    assert (code, "Traceback" in said, "Cancel" in said) == (0, False, False)


def test_log_is_json_where_it_is_not_a_terminal(start):
    process = start(TRACKER_API_KEY=KEY, TRACKER_ZZZ="hush")
    process.greeting()
    _, said = process.end(signal.SIGKILL)
    (line,) = [line for line in said.splitlines() if "setting.unknown" in line]
    assert line.startswith('{"timestamp":')
    assert '"name":"TRACKER_ZZZ"' in line
    assert "hush" not in said


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "203.0.113.1"])  # noqa: S104 - to be refused
def test_host_that_others_can_reach_wants_an_encryption_key_and_tells_how_to_make_one(start, tmp_path, host):
    code, said = start("-m", "tracker", "up", "--host", host).end()
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(f"Error: Other machines can reach {host}, ")
    assert not (tmp_path / "tracker.db").exists()
    command = said.partition("Make one by ")[2]
    key = subprocess.check_output(command, shell=True, text=True).strip()  # noqa: S602 - as the operator would
    # Not an address of this machine, so that the test does not listen where others can reach it.
    code, said = start("-m", "tracker", "up", "--host", "203.0.113.1", TRACKER_ENCRYPTION_KEY=key).end()
    assert (code, said.partition(":0:")[0]) == (2, "Error: Cannot listen on 203.0.113.1")


def test_key_that_is_not_the_databases_ends_the_start_and_touches_nothing(start, tmp_path):
    keys = [base64.b64encode(bytes([fill]) * 32).decode() for fill in (1, 2, 3)]
    secret = callback_secret(start(TRACKER_API_KEY=KEY, TRACKER_ENCRYPTION_KEY=keys[0]))
    before = dump_of(tmp_path / "tracker.db")
    for given, way_out in (
        (keys[1], "Add it behind the others, parted by a comma."),
        ("", "Set TRACKER_ENCRYPTION_KEY"),
    ):
        code, said = start("-m", "tracker", "up", TRACKER_ENCRYPTION_KEY=given).end()
        assert (code, said.count("\n")) == (2, 1)
        assert said.startswith("Error: The database holds secrets that were encrypted under a key (fingerprint ")
        assert way_out in said
        assert dump_of(tmp_path / "tracker.db") == before
    for given in (f"{keys[2]},{keys[0]}", keys[2]):
        assert callback_secret(start(TRACKER_API_KEY=KEY, TRACKER_ENCRYPTION_KEY=given)) == secret


def callback_secret(process):
    """The secret as a process has it, which is then ended."""
    with process.client() as client:
        client.post("/v1/subscriptions", json={"callback_url": "https://receiver.example"}).raise_for_status()
        secret = client.get("/v1/callback-secret").json()["secret"]
    assert process.end(signal.SIGTERM)[0] == 0
    return secret


def dump_of(path):
    with closing(sqlite3.connect(path)) as database:
        return list(database.iterdump())


def test_migrate_makes_the_database_and_tells_its_revision(tmp_path):
    settings = Settings(database_url=f"sqlite:///{tmp_path / 'tracker.db'}")
    revision = migrate(settings)
    assert revision
    assert migrate(settings) == revision
    with closing(sqlite3.connect(tmp_path / "tracker.db")) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [(revision,)]


@pytest.mark.parametrize(
    "url", ["sqlite:////no/such/folder/tracker.db", "sqlite://", "mysql://db/tracker", "tracker.db"]
)
def test_database_that_cannot_be_opened_is_a_start_error(url):
    with pytest.raises(StartError, match=r"sqlite:///tracker\.db|does not exist"):
        migrate(Settings(database_url=url))
