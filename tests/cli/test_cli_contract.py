"""Every command and option of the contract exists, its filters spelled out; and what holds for all of them."""

import json

import pytest
import typer.main
from cli_fake_service import listing

from tracker.cli.app import app

CONTRACT = """
up        [--host 127.0.0.1] [--port 8000] [--database URL] [--env-file FILE]
demo      [--keep] [--jobs N] [--speed X]
jobs add PROVIDER REMOTE_ID [--kind K] [--account A] [--param k=v] [--callback-url URL] [--event E] [--tag T] \
[--meta k=v] [--timeout S] [--wait]
jobs list [--provider P] [--kind K] [--account A] [--status S] [--tag T] [--remote-id R] [--meta k=v] \
[--created-after T] [--created-before T] [--finished-after T] [--finished-before T] [--limit N] [--cursor C]
jobs show ID
jobs wait ID [--timeout S]
jobs watch ID
jobs cancel ID
jobs forget ID
jobs poll ID
subscriptions add URL [--event E] [--provider P] [--tag T]
subscriptions list [--limit N] [--cursor C]
subscriptions show ID
subscriptions test ID
subscriptions rotate ID
subscriptions enable ID
subscriptions disable ID
subscriptions remove ID
subscriptions replay ID [--since T]
deliveries list [--subscription-id S] [--job-id J] [--event-id E] [--status S] [--limit N] [--cursor C]
deliveries show ID
deliveries retry ID
events    [--after CURSOR] [--follow]
listen    [--forward-to URL]
providers list
providers show NAME
providers check FILE [--answer JSON_FILE] [--http-status N]
keys create [--name N] [--scope read|write|admin]
keys list [--limit N] [--cursor C]
keys revoke ID
migrate
"""
SERVERS = {"up", "demo"}
"""What prints no data, but runs."""
WITHOUT_SERVICE = SERVERS | {"migrate", "providers check"}


def commands(group=None, path=()):
    """Every command by its words."""
    for name, command in (group or typer.main.get_command(app)).commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*path, name))
        else:
            yield " ".join((*path, name)), command


def of_contract():
    """Every command of the contract by its words, with its arguments and options."""
    for line in CONTRACT.strip().splitlines():
        words = line.replace("[", "").replace("]", "").split()
        name = [word for word in words[:2] if word.islower() and not word.startswith("--")]
        rest = words[len(name) :]
        options = {word for word in rest if word.startswith("--")}
        arguments = [word for index, word in enumerate(rest) if not (index and rest[index - 1].startswith("--"))]
        yield " ".join(name), [word for word in arguments if not word.startswith("--")], options


TREE = dict(commands())


def options_of(name):
    return {word for parameter in TREE[name].params if parameter.param_type_name == "option" for word in parameter.opts}


def arguments_of(name):
    return [each.metavar for each in TREE[name].params if each.param_type_name == "argument"]


def test_there_are_the_commands_of_the_contract_and_no_others():
    assert set(TREE) == {name for name, _, _ in of_contract()}


@pytest.mark.parametrize(("name", "arguments", "options"), [pytest.param(*row, id=row[0]) for row in of_contract()])
def test_command_has_the_arguments_and_options_of_the_contract(name, arguments, options):
    assert arguments_of(name) == arguments
    assert options - options_of(name) == set()


@pytest.mark.parametrize("name", sorted(set(TREE) - SERVERS))
def test_whatever_prints_data_prints_json_too(name):
    assert "--json" in options_of(name)


@pytest.mark.parametrize("name", sorted(set(TREE) - WITHOUT_SERVICE))
def test_client_commands_take_an_address(name):
    assert "--url" in options_of(name)


@pytest.mark.parametrize("name", sorted(TREE))
def test_every_option_says_what_it_is_for(name):
    assert TREE[name].help
    assert [each.name for each in TREE[name].params if each.param_type_name == "option" and not each.help] == []


def test_lists_print_one_json_document(tracker, service):
    for name in ("jobs", "subscriptions", "deliveries", "keys", "providers"):
        service.on("GET", f"/v1/{name}", listing({"id": "x", "name": "x"}))
        assert json.loads(tracker(name, "list", "--json").stdout)["data"] == [{"id": "x", "name": "x"}]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("jobs add ph", {"photogpt"}),
        ("jobs list --provider de", {"decart"}),
        ("jobs add photogpt r --kind tr", {"training"}),
        ("jobs list --status ex", {"expired"}),
        ("subscriptions add u --event job.", {"job.*", "job.succeeded", "job.progress"}),
        ("providers show sc", {"scenario"}),
        ("jobs list --created-b", {"--created-before"}),
    ],
)
def test_shell_completes_what_it_can_know(run_tracker, words, offered):
    environ = {"_TRACKER_COMPLETE": "complete_bash", "COMP_WORDS": f"tracker {words}"}
    code, stdout, stderr = run_tracker(environ=environ | {"COMP_CWORD": str(len(words.split()))})
    assert (code, stderr) == (0, "")
    assert offered <= set(stdout.split())
    assert all(each.startswith(words.split()[-1]) for each in stdout.split())


def test_shell_completes_providers_of_ones_own(run_tracker, tmp_path):
    (tmp_path / "acme.toml").write_text("[kinds.render]\n")
    (tmp_path / "broken.toml").write_text("[kinds\n")
    environ = {"_TRACKER_COMPLETE": "complete_bash", "TRACKER_PROVIDERS_DIR": str(tmp_path), "COMP_CWORD": "4"}
    for option, offered in (("--provider ac", "acme"), ("--kind rend", "render")):
        code, stdout, _ = run_tracker(environ=environ | {"COMP_WORDS": f"tracker jobs list {option}"})
        assert (code, stdout.split()) == (0, [offered])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_script_for_each_shell_calls_the_command(run_tracker, shell):
    code, stdout, stderr = run_tracker(environ={"_TRACKER_COMPLETE": f"source_{shell}"})
    assert (code, stderr) == (0, "")
    assert f"_TRACKER_COMPLETE=complete_{shell}" in stdout


def test_help_of_the_command_offers_completion(tracker):
    shown = tracker("--help").stdout
    assert "--install-completion" in shown
    assert "--show-completion" in shown
