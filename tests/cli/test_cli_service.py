"""`tracker up`, `migrate` and `demo` as processes, with a stand-in for the server that tells what it was given."""

import json
from pathlib import Path

import pytest

from store.migrations import versions
from tracker.cli.env_file import EnvFileError, load_env_file, read_env_file

NAMES = ("TRACKER_HOST", "TRACKER_PORT", "TRACKER_DATABASE_URL", "FROM_FILE")
STAND_IN = f"""
import json, sys, types

class SettingsError(Exception):
    pass

class Settings:
    @classmethod
    def from_environment(cls, environ):
        if environ.get("TRACKER_PORT") == "66":
            raise SettingsError("TRACKER_PORT is 66.")
        return {{name: environ.get(name) for name in {NAMES!r}}}

class StartError(Exception):
    pass

def serve(settings, read_again=None):
    print(json.dumps(settings))

def migrate(settings):
    return "revision of " + settings["TRACKER_DATABASE_URL"]

def run_demo(*, jobs, speed, keep):
    print(json.dumps([jobs, speed, keep]))
    return 1

def module(name, **names):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(names)

module("tracker.settings", Settings=Settings, SettingsError=SettingsError)
module("tracker.serve", serve=serve, migrate=migrate, StartError=StartError)
module("tracker.demo", run=None)
module("tracker.demo.run", run_demo=run_demo)
from tracker.cli import main
main()
"""


@pytest.fixture
def run_stand_in(run_tracker):
    def run(*arguments, environ=None):
        unset = dict.fromkeys(NAMES, "")
        return run_tracker(*arguments, python=("-c", STAND_IN), environ=unset | (environ or {}))

    return run


@pytest.fixture
def env_file(tmp_path):
    def write(content):
        path = tmp_path / "settings.env"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_up_serves_by_its_options(run_stand_in):
    options = ("--host", "::1", "--port", "9", "--database", "sqlite:///x.db")
    code, stdout, _ = run_stand_in("up", *options, environ={"TRACKER_HOST": "0.0.0.0", "TRACKER_PORT": "1"})  # noqa: S104 - a value that must lose
    assert code == 0
    expected = {"TRACKER_HOST": "::1", "TRACKER_PORT": "9", "TRACKER_DATABASE_URL": "sqlite:///x.db", "FROM_FILE": ""}
    assert json.loads(stdout) == expected


def test_up_takes_the_environment_over_the_file_and_options_over_both(run_stand_in, env_file):
    path = env_file("TRACKER_HOST=file\nTRACKER_PORT=1\nTRACKER_DATABASE_URL=file\nFROM_FILE=yes\n")
    _, stdout, _ = run_stand_in("up", "--env-file", path, "--port", "3", environ={"TRACKER_HOST": "environment"})
    expected = {
        "TRACKER_HOST": "environment",
        "TRACKER_PORT": "3",
        "TRACKER_DATABASE_URL": "file",  # an empty variable is an unset one
        "FROM_FILE": "yes",
    }
    assert json.loads(stdout) == expected


def test_settings_that_are_wrong_are_exit_2(run_stand_in):
    assert run_stand_in("up", "--port", "66") == (2, "", "Error: TRACKER_PORT is 66.\n")


@pytest.mark.parametrize("command", ["up", "migrate"])
def test_database_that_cannot_be_opened_is_exit_2_and_one_line(run_tracker, tmp_path, command):
    code, stdout, stderr = run_tracker(command, "--database", f"sqlite:///{tmp_path}/none/t.db")
    assert (code, stdout) == (2, "")
    assert stderr == f"Error: The folder {tmp_path}/none of the database does not exist; create it first\n"


def test_migrate_makes_a_real_database(run_tracker, tmp_path):
    code, stdout, _ = run_tracker("migrate", "--database", f"sqlite:///{tmp_path}/t.db")
    newest = max(path.name[:4] for path in Path(versions.__path__[0]).glob("[0-9]*.py"))
    assert (code, stdout) == (0, f"{newest}\n")
    assert (tmp_path / "t.db").exists()


@pytest.mark.parametrize("options", [("--port", "65536"), ("--port", "x"), ("--nonsense",)])
def test_up_refuses_options_that_cannot_be(run_stand_in, options):
    code, stdout, _ = run_stand_in("up", *options)
    assert (code, stdout) == (2, "")


def test_up_names_the_bad_line_of_its_env_file_and_not_what_it_holds(run_tracker, env_file):
    path = env_file("# fine\nA=1\nhunter2 is my password\n")
    code, stdout, stderr = run_tracker("up", "--env-file", path)
    assert (code, stdout) == (2, "")
    assert stderr.startswith(f"Error: {path}:3: ")
    assert "hunter2" not in stderr


def test_up_names_the_env_file_that_is_not_there(run_tracker, tmp_path):
    code, stdout, stderr = run_tracker("up", "--env-file", tmp_path / "none.env")
    assert (code, stdout) == (2, "")
    assert stderr == f"Error: {tmp_path / 'none.env'}: cannot be read: No such file or directory\n"


def test_migrate_prints_the_revision(run_stand_in):
    assert run_stand_in("migrate", "--database", "x") == (0, "revision of x\n", "")
    _, stdout, _ = run_stand_in("migrate", "--json", environ={"TRACKER_DATABASE_URL": "y"})
    assert json.loads(stdout) == {"revision": "revision of y"}


def test_demo_passes_its_options_on_and_leaves_with_its_exit_code(run_stand_in):
    code, stdout, _ = run_stand_in("demo", "--jobs", "3", "--speed", "2.5", "--keep")
    assert (code, json.loads(stdout)) == (1, [3, 2.5, True])


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A=", ""),
        ("A=''", ""),
        ('A=""', ""),
        ("  A=b  ", "b"),
        ("A = b", "b"),
        ("export A=b", "b"),
        ("export  A='b c'", "b c"),
        ('A="b c"', "b c"),
        ('A=" b "', " b "),
        ("A='#b' # c", "#b"),
        ("A=b # c", "b"),
        ("A=b#c", "b#c"),
        ("A=#b", "#b"),
        ("A= # c", ""),
        ("A=b=c==", "b=c=="),
        ("A=it's", "it's"),
        ('A={"k": 1}', '{"k": 1}'),
        ("A=$HOME\\n", "$HOME\\n"),
        ("A=5s,5m 30m", "5s,5m 30m"),
        ("A=köln", "köln"),
        ("A=b\r", "b"),
    ],
)
def test_line_of_an_env_file_is_read_as_shells_and_dotenv_agree(env_file, line, value):
    assert read_env_file(env_file(f"{line}\n")) == {"A": value}


@pytest.mark.parametrize(
    "line", ["A", "=b", "1A=b", "A-B=c", "A B=c", "A='b", 'A="b', "A='b'c", 'A="b" c', "A='b\"", "export A", "A=\0"]
)
def test_bad_line_of_an_env_file_is_named(env_file, line):
    path = env_file(f"# a comment\n\nB=1\n{line}\n")
    with pytest.raises(EnvFileError, match=":4: ") as caught:
        read_env_file(path)
    assert str(caught.value).startswith(f"{path}:4: ")


def test_env_file_may_be_empty_or_begin_with_a_byte_order_mark(env_file):
    assert read_env_file(env_file("")) == {}
    assert read_env_file(env_file(b"\xef\xbb\xbfA=b")) == {"A": "b"}


def test_last_line_about_a_name_wins(env_file):
    assert read_env_file(env_file("A=1\nA=2")) == {"A": "2"}


def test_env_file_that_is_not_text_is_refused(env_file):
    with pytest.raises(EnvFileError, match="is not UTF-8"):
        read_env_file(env_file(b"A=\xff"))


def test_env_file_does_not_override_what_is_set(env_file):
    environ = {"A": "kept", "B": ""}
    load_env_file(env_file("A=1\nB=2\nC=3"), environ)
    assert environ == {"A": "kept", "B": "2", "C": "3"}
