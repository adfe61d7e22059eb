"""The image: what it installs, as whom it runs, and how it tells its health."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib.metadata import requires
from urllib.parse import urlsplit

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tracker.demo.stage import set_up
from tracker.surroundings import Surroundings

from .files import CHECKOUT, DEPLOY, PORT, load_all, run, text_of

DOCKERFILE = re.sub(r"\\\n", "", text_of("Dockerfile"))
LINES = [line for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]


def pins(name: str) -> dict[str, Requirement]:
    found = [Requirement(line) for line in text_of(name).splitlines()]
    return {canonicalize_name(each.name): each for each in found}


def needed_by(requirements: list[Requirement]) -> set[str]:
    """Everything that these need on this machine, with their extras, and what that needs, and so on."""
    found: set[tuple[str, str]] = set()
    waiting = list(requirements)
    while waiting:
        each = waiting.pop()
        fresh = {(canonicalize_name(each.name), extra) for extra in ("", *each.extras)} - found
        found |= fresh
        for name, extra in fresh:
            needs = map(Requirement, requires(name) or ())
            waiting += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return {name for name, _ in found}


def project() -> dict[str, list[str]]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]


def test_every_package_that_the_image_installs_is_pinned_to_one_version():
    needed = needed_by([Requirement(text) for text in project()["dependencies"]])
    pinned = pins("constraints.txt")
    assert len(needed) > 30
    assert not sorted(needed - pinned.keys()), "add them to deploy/constraints.txt"
    assert all(re.fullmatch(r"==[^*]+", str(each.specifier)) for each in pinned.values())


def test_pins_are_versions_that_the_project_accepts():
    pinned = pins("constraints.txt")
    for text in project()["dependencies"]:
        wanted = Requirement(text)
        (pin,) = pinned[canonicalize_name(wanted.name)].specifier
        assert wanted.specifier.contains(pin.version), text


def test_build_system_is_pinned_too():
    system = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["build-system"]["requires"]
    pinned = pins("build-constraints.txt")
    for wanted in map(Requirement, system):
        (pin,) = pinned[canonicalize_name(wanted.name)].specifier
        assert wanted.specifier.contains(pin.version)
    assert all(re.fullmatch(r"==[^*]+", str(each.specifier)) for each in pinned.values())


def test_image_installs_by_the_pins_and_from_wheels_alone():
    (install,) = re.findall(r"/opt/tracker/bin/pip install (.*?) &&", DOCKERFILE)
    assert "--constraint deploy/constraints.txt" in install
    assert "--only-binary :all:" in install


def test_what_the_image_copies_is_there_and_is_sent_to_the_builder():
    sent = {line.removeprefix("!") for line in text_of("Dockerfile.dockerignore").splitlines() if line.startswith("!")}
    copied = {
        name for line in LINES if line.startswith("COPY ") and "--from" not in line for name in line.split()[1:-1]
    }
    assert copied == sent
    assert all((CHECKOUT / name).exists() for name in copied)


def test_image_runs_as_a_numbered_user_who_is_not_root():
    users = [line.split()[1] for line in LINES if line.startswith("USER")]
    assert users == ["10001:10001"]
    assert LINES.index("USER 10001:10001") > max(index for index, line in enumerate(LINES) if line.startswith("RUN"))


def test_image_writes_below_its_volume_alone():
    variables = dict(re.findall(r"([A-Z_]+)=(\S+)", DOCKERFILE.partition("\nENV PATH=")[2].partition("\nWORKDIR")[0]))
    volume = "/data"
    assert f"VOLUME {volume}" in LINES
    assert urlsplit(variables["TRACKER_DATABASE_URL"]).path.removeprefix("/").startswith(f"{volume}/")
    assert variables["XDG_STATE_HOME"].startswith(f"{volume}/")
    assert variables["SQLITE_TMPDIR"] == volume
    assert (variables["TRACKER_PORT"], f"EXPOSE {PORT}" in LINES) == (str(PORT), True)


@pytest.fixture
async def stage():
    # On the system's clock: the loops tick, and would spin on one that stands still.
    async with set_up(Surroundings()) as stage:
        yield stage


def ask(path, port):
    return run(sys.executable, DEPLOY / "healthcheck.py", path, TRACKER_PORT=str(port), http_proxy="http://127.0.0.1:9")


async def test_health_check_passes_where_the_service_is_well(stage, in_thread):
    (command,) = re.findall(r"^HEALTHCHECK .*CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)
    assert command == '["python", "/opt/tracker/healthcheck.py", "/healthz"]'
    for path in ("/healthz", "/readyz"):
        done = await in_thread(ask, path, urlsplit(stage.url).port)
        assert (done.returncode, done.stderr) == (0, ""), path


async def test_health_check_fails_and_says_why_where_the_service_is_not_well(stage, in_thread):
    stage.service.bell.close()
    done = await in_thread(ask, "/readyz", urlsplit(stage.url).port)
    assert done.returncode == 1
    assert '/readyz answers 503: {"status":"unready","reasons":["The service is stopping."]}' in done.stderr


def test_health_check_fails_where_nobody_listens(unused_port):
    done = ask("/healthz", unused_port)
    assert done.returncode == 1
    assert done.stderr.startswith("/healthz does not answer: ConnectionRefusedError")


@pytest.mark.parametrize("service", ["tracker-1", "tracker-2"])
def test_compose_runs_the_image_without_any_right(service):
    (compose,) = load_all("compose.yaml")
    replica = compose["services"][service]
    assert replica["read_only"] is True
    assert replica["cap_drop"] == ["ALL"]
    assert replica["security_opt"] == ["no-new-privileges:true"]
    assert replica["tmpfs"] == ["/data:uid=10001,gid=10001,mode=0700,size=16m"]
