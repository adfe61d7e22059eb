"""The example of the environment names every setting, and nothing that nobody reads."""

from __future__ import annotations

import re
from dataclasses import fields

import pytest

from tracker.cli.env_file import read_env_file
from tracker.providers.catalog import Catalog, load_descriptions
from tracker.settings import NAMES, Settings

from .files import CHECKOUT, DEPLOY, load_all, text_of

OF_THE_CLIENTS = {"TRACKER_URL", "TRACKER_LISTEN_SECRET"}
WITHOUT_A_DEFAULT = {"public_url", "allowed", "providers_dir", "delay_per_poll", "log_format", "environ"}
"""What the example shows an example of, since there is no default, or none that can be written down."""


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """All that the example names, with what it says there."""
    path = tmp_path_factory.mktemp("example") / "tracker.env"
    path.write_text(re.sub(r"^#(?=[A-Z])", "", text_of("tracker.env.example"), flags=re.MULTILINE))
    return read_env_file(path)


@pytest.fixture(scope="module")
def descriptions():
    return load_descriptions(None)


def credentials(descriptions):
    return {name for described in descriptions for name in described.variables().values()}


def test_example_names_every_setting_and_none_else(example, descriptions):
    # One provider stands for all.
    of_providers = {f"TRACKER_SCENARIO_{what}" for what in ("BASE_URL", "REQUESTS_PER_SECOND", "CONCURRENT")}
    known = set(NAMES) - OF_THE_CLIENTS | credentials(descriptions) | of_providers
    assert of_providers <= set(Catalog(descriptions, {}).all_setting_names())
    assert set(example) == known


def test_example_names_every_setting_of_the_readme(example):
    table = (
        CHECKOUT.joinpath("README.md").read_text("utf-8").partition("\n## Settings\n")[2].partition("\n\nCommands")[0]
    )
    named = {name for row in re.findall(r"^\| (`.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 15
    assert named <= set(example)


def test_service_takes_every_example(example, descriptions):
    settings, defaults = Settings.from_environment(example), Settings.from_environment({})
    Catalog(descriptions, example)
    differ = {each.name for each in fields(Settings) if getattr(settings, each.name) != getattr(defaults, each.name)}
    assert differ == WITHOUT_A_DEFAULT


def test_example_sets_nothing_by_itself():
    assert read_env_file(DEPLOY / "tracker.env.example") == {}


def test_every_line_of_the_examples_is_read_alike_by_all_who_read_them():
    for name in ("tracker.env.example", "compose.env.example"):
        for line in text_of(name).splitlines():
            assert re.fullmatch(r"|# .*|#?[A-Z][A-Z_]*=[^\s'\"#]*", line), line


def test_what_compose_asks_for_is_in_its_example():
    asked = set(re.findall(r"\$\{([A-Z_]+)", text_of("compose.yaml")))
    assert asked == read_env_file(DEPLOY / "compose.env.example").keys()


def environment_of_manifests():
    (compose,) = load_all("compose.yaml")
    (kustomization,) = load_all("kubernetes/kustomization.yaml")
    (generated,) = kustomization["configMapGenerator"]
    yield compose["services"]["tracker-1"]["environment"]
    yield dict(literal.split("=", 1) for literal in generated["literals"])


def test_every_variable_of_the_manifests_is_a_setting():
    for environ in environment_of_manifests():
        assert environ.keys() <= set(NAMES) - OF_THE_CLIENTS


def test_manifests_listen_where_others_can_reach_them():
    for environ in environment_of_manifests():
        literal = {name: value for name, value in environ.items() if "${" not in value}
        settings = Settings.from_environment(literal)
        assert (settings.host, settings.port, settings.is_on_loopback) == ("0.0.0.0", 8000, False)  # noqa: S104 - in a container
