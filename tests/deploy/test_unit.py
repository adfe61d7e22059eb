"""The systemd unit: it runs the service as it really behaves, and gives it no right that it does not need."""

from __future__ import annotations

import re
import shutil
import sys
from collections import defaultdict

import pytest
from typer.main import get_command

from tracker.cli.app import app

from .files import run, text_of

UNIT = text_of("systemd/tracker.service")
VALUES = defaultdict(list)
for _name, _value in re.findall(r"^([A-Za-z]+)=(.*)$", UNIT, re.MULTILINE):
    VALUES[_name].append(_value)
STATE = "/var/lib/tracker"
ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="no systemd-analyze (apt-get install systemd)")


def only(name):
    (value,) = VALUES[name]
    return value


def test_unit_starts_the_command_line_as_it_is():
    program, command, *options = only("ExecStart").split()
    assert program == "/opt/tracker/bin/tracker"
    known = {name for parameter in get_command(app).commands[command].params for name in parameter.opts}
    assert options == ["--env-file", "/etc/tracker/tracker.env"]
    assert "--env-file" in known


def test_unit_runs_as_the_user_that_is_made_for_it():
    kind, user, number, _about, home = re.fullmatch(
        r'(\S) (\S+) (\S+) "(.+)" (\S+)', text_of("systemd/tracker.sysusers").splitlines()[-1]
    ).groups()
    assert (kind, user, number, home) == ("u", only("User"), "-", STATE)
    assert only("Group") == user


def test_unit_lets_it_write_to_its_state_alone():
    assert (only("ProtectSystem"), only("ProtectHome"), only("PrivateTmp")) == ("strict", "yes", "yes")
    assert f"/var/lib/{only('StateDirectory')}" == only("WorkingDirectory") == STATE
    assert f"HOME={STATE}" in only("Environment").split()
    assert "ReadWritePaths" not in VALUES


def test_unit_leaves_no_setting_out_of_reach_of_the_env_file():
    # What is set here would go before what the file says.
    assert "TRACKER_" not in only("Environment")


@needs_systemd
def test_systemd_reads_the_unit_without_a_complaint(analyzed):
    done = analyze("verify", "--man=no", analyzed)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_unit_is_exposed_to_little(analyzed):
    done = analyze("security", "--offline=true", "--no-pager", "--threshold=20", analyzed)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def analyzed(tmp_path):
    """The unit, with a program that is there."""
    path = tmp_path / "tracker.service"
    path.write_text(UNIT.replace("/opt/tracker/bin/tracker", sys.executable))
    return path


def analyze(*arguments):
    return run(ANALYZE, *arguments)
