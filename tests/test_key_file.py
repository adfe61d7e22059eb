"""The key that lies ready on the machine of the service: private, whole, and for nobody but that service."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys

import pytest

from tracker.key_file import ExposedKeyError, KeyFile, _read, find_key

KEY = "trk_the-key-of-the-first-start"


@pytest.fixture(autouse=True)
def state_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def file():
    return KeyFile("sqlite:///tracker.db")


def key_at(url):
    found = find_key(url)
    return found and found.key


def rewrite(file, **changes):
    """Changes what the file says, and nothing else of it."""
    file.path.write_text(json.dumps(json.loads(file.path.read_text()) | changes))


def test_key_is_found_where_the_service_listens(file):
    file.keep(KEY, "127.0.0.1", 8000)
    assert find_key("http://127.0.0.1:8000") == (KEY, file.path)
    assert key_at("http://localhost:8000/behind/a/proxy") == KEY
    assert file.key() == KEY


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_file_is_private_whatever_the_umask(file, state_home, mask):
    before = os.umask(mask)
    try:
        file.keep(KEY, "127.0.0.1", 8000)
        file.keep(KEY, "127.0.0.1", 8001)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE((state_home / "tracker" / "keys").stat().st_mode) == 0o700
    assert [path.name for path in file.path.parent.iterdir()] == [file.path.name]


def test_file_that_others_can_read_is_not_used(file):
    file.keep(KEY, "127.0.0.1", 8000)
    file.path.chmod(0o604)
    with pytest.raises(ExposedKeyError, match="can be read by others"):
        find_key("http://127.0.0.1:8000")
    assert key_at("http://127.0.0.1:8001") is None, "it is of no concern to another service"


def test_rewriting_makes_an_exposed_file_private_again(file):
    file.keep(KEY, "127.0.0.1", 8000)
    file.path.chmod(0o666)
    file.keep(KEY, "127.0.0.1", 8000)
    assert key_at("http://127.0.0.1:8000") == KEY


def test_link_is_neither_followed_nor_written_through(file, tmp_path):
    elsewhere = tmp_path / "elsewhere.json"
    file.keep(KEY, "127.0.0.1", 8000)
    file.path.rename(elsewhere)
    file.path.symlink_to(elsewhere)
    assert key_at("http://127.0.0.1:8000") is None
    file.keep("trk_another", "127.0.0.1", 8000)
    assert not file.path.is_symlink()
    assert KEY in elsewhere.read_text()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8001",
        "http://127.0.0.2:8000",
        "https://127.0.0.1:8000",
        "http://[::1]:8000",
        "http://192.168.0.1:8000",
        "http://tracker.example:8000",
        "http://127.0.0.1.example:8000",
        "http://127.0.0.1",
    ],
)
def test_key_is_for_that_address_alone(file, url):
    file.keep(KEY, "127.0.0.1", 8000)
    assert key_at(url) is None


@pytest.mark.parametrize(
    ("listening", "found"),
    [
        ("0.0.0.0", ["http://127.0.0.1:8000", "http://localhost:8000"]),  # noqa: S104 - where a service may listen
        ("::", ["http://[::1]:8000", "http://127.0.0.1:8000"]),
        ("::1", ["http://[::1]:8000", "http://localhost:8000"]),
        ("192.168.0.1", []),
    ],
)
def test_key_is_found_by_every_name_that_leads_to_the_service(file, listening, found):
    file.keep(KEY, listening, 8000)
    tried = ["http://127.0.0.1:8000", "http://localhost:8000", "http://[::1]:8000", "http://192.168.0.1:8000"]
    for url in found:
        assert key_at(url) == KEY
    if not found:
        assert not any(key_at(url) for url in tried)


def test_key_of_a_service_that_is_gone_is_not_sent_to_whoever_has_its_port_now(file):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    file.keep(KEY, "127.0.0.1", 8000)
    for pid in (ended.pid, 0, -1, 2**70):
        rewrite(file, pid=pid)
        assert key_at("http://127.0.0.1:8000") is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"key": "x"}', '{"key":"x","host":"::1","port":"y","pid":1}'])
def test_file_that_is_none_of_ours_is_passed_over(file, text):
    file.keep(KEY, "127.0.0.1", 8000)
    (file.path.parent / "other.json").write_text(text)
    (file.path.parent / "folder.json").mkdir()
    os.mkfifo(file.path.parent / "pipe.json")
    assert key_at("http://127.0.0.1:8000") == KEY
    file.path.write_text(text)
    assert file.key() is None


def test_each_database_has_a_file_of_its_own(file, tmp_path, monkeypatch):
    assert file.path != KeyFile("sqlite:///other.db").path
    monkeypatch.chdir(tmp_path)
    assert KeyFile("sqlite:///tracker.db").path == KeyFile(f"sqlite:///{tmp_path}/tracker.db").path
    assert KeyFile("postgresql://db/one").path != KeyFile("postgresql://db/two").path


def test_forgotten_key_is_gone_and_can_be_forgotten_again(file):
    file.keep(KEY, "127.0.0.1", 8000)
    file.forget()
    file.forget()
    assert not file.path.exists()
    assert file.key() is None
    assert key_at("http://127.0.0.1:8000") is None


def test_home_is_used_where_no_state_folder_is_named(file, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for named in ("", "relative/folder"):
        monkeypatch.setenv("XDG_STATE_HOME", named)
        path = KeyFile("sqlite:///tracker.db").path
        assert path == tmp_path / "home" / ".local" / "state" / "tracker" / "keys" / file.path.name


def test_key_stays_out_of_the_text_of_what_holds_it(file):
    file.keep(KEY, "127.0.0.1", 8000)
    assert KEY not in repr(_read(file.path))
