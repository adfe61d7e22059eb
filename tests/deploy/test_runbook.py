"""The runbook names what there is: files, commands, reasons of `/readyz`, settings."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import typer.main

from tracker.cli.app import app
from tracker.looks import PATIENCE, Look
from tracker.metronome import LATE_AFTER, Metronome
from tracker.settings import NAMES
from tracker.surroundings import Surroundings

from .files import CHECKOUT, DEPLOY, text_of

RUNBOOK = text_of("RUNBOOK.md")
READYZ = RUNBOOK.partition("## What /readyz says")[2].partition("\n## ")[0]
KNOWN = set(re.findall(r"`([A-Z][^`]+\.)`", READYZ))
"""The reasons that the runbook tells of, with … for the name of a loop."""


def test_every_reason_that_the_source_gives_is_in_the_runbook():
    source = "".join(CHECKOUT.joinpath("tracker", name).read_text("utf-8") for name in ("readiness.py", "looks.py"))
    given = set(re.findall(r'\["([A-Z][^"]+\.)"\]', source))
    assert {"The service is stopping.", "Due polls are left lying.", "Due deliveries are left lying."} <= given <= KNOWN


async def test_every_reason_of_a_look_is_in_the_runbook():
    async def fail():
        raise OSError

    for done in ("read", "written"):
        look = Look(done, fail, Surroundings())
        assert set(await look.reasons()) <= KNOWN
        assert f"The database cannot be {done} in time." in KNOWN
    assert f"over {PATIENCE:.0f} s" in READYZ


async def test_every_fault_of_a_loop_is_in_the_runbook(clock):
    metronome = Metronome(Surroundings(now=clock))

    async def tick():
        return None

    beat = metronome.beat("…", tick)
    beat.wake_at(datetime.min.replace(tzinfo=UTC))
    late = beat.fault(clock.at)
    beat._is_running, beat._began_at = True, clock.at - 2 * LATE_AFTER
    hangs = beat.fault(clock.at)
    beat._is_running, beat._planned_at, beat._has_failed = False, None, True
    assert {late, hangs, beat.fault(clock.at)} <= KNOWN
    assert timedelta(seconds=30) == LATE_AFTER
    assert "for 30 s" in READYZ


def test_every_command_that_the_runbook_shows_exists():
    for line in re.findall(r"\btracker ([a-z]+(?: [a-z]+)?)", " ".join(re.findall(r"`([^`\n]+)`", RUNBOOK))):
        command = typer.main.get_command(app)
        words = line.split()
        if words[0] in command.commands:
            for word in words:
                if not hasattr(command, "commands"):
                    break
                assert word in command.commands, line
                command = command.commands[word]


def test_every_setting_that_the_runbook_names_exists():
    named = set(re.findall(r"\bTRACKER_[A-Z_]+\b", RUNBOOK))
    assert len(named) > 5
    assert named - {"TRACKER_"} <= set(NAMES)


def test_every_link_leads_somewhere():
    headings = {anchor(line) for line in re.findall(r"^#+ (.+)$", RUNBOOK, re.MULTILINE)}
    for target in re.findall(r"\]\(([^)]+)\)", RUNBOOK):
        file, _, place = target.partition("#")
        assert (DEPLOY / file).exists() if file else place in headings, target


def test_every_file_of_the_folder_is_told_of():
    table = RUNBOOK.partition("## What is here")[2].partition("\n## ")[0]
    for path in DEPLOY.iterdir():
        named = path.name + ("/" if path.is_dir() else "")
        assert f"`{named}" in table or path.name in ("RUNBOOK.md", "Dockerfile.dockerignore"), named


def anchor(heading):
    """What a heading is linked to by."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
