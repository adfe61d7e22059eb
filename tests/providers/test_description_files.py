"""Which files are read, and how what is said at the top of a file and in a kind comes together."""

import pytest

from tracker.providers.catalog import load_descriptions
from tracker.providers.description import DescriptionError, parse_description, read_description

from .cases import DESCRIPTIONS
from .kitchen import SMALL


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "latin.toml").write_bytes(b'name = "caf\xe9"')
    (tmp_path / "folder.toml").mkdir()
    for name in ("latin.toml", "folder.toml", "missing.toml"):
        with pytest.raises(DescriptionError, match=f"^{name} cannot be read"):
            read_description(tmp_path / name)
    with pytest.raises(DescriptionError, match="it is not UTF-8: save it as UTF-8"):
        read_description(tmp_path / "latin.toml")


def test_a_byte_order_mark_is_no_part_of_a_description(tmp_path):
    (tmp_path / "small.toml").write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert read_description(tmp_path / "small.toml").name == "small"


SHARED = """
    name = "shared"
    title = "Shared"
    base_url = "https://api.shared.example"
    auth = { scheme = "none" }
    path = "/{kind}/{id}"
    status = { pointers = ["/status"], queued = ["new"], running = ["busy"], failed = ["no"], canceled = ["gone"] }
    output = { file = "/file" }
    timing = { interval = 5, cap = 50 }
    [kinds.plain]
    [kinds.own]
    path = "/own/{id}"
    output = { url = "/url" }
    [kinds.own.status]
    pointers = ["/state"]
    queued = ["waiting"]
    canceled = []
    [kinds.own.timing]
    interval = 7
"""


def test_what_stands_at_the_top_holds_for_every_kind():
    plain = parse_description(SHARED, "shared.toml").kinds["plain"]
    assert (plain.path, plain.output) == ("/{kind}/{id}", {"file": "/file"})
    assert (plain.status.pointers, plain.status.queued, plain.status.canceled) == (("/status",), ("new",), ("gone",))


def test_what_a_kind_says_itself_goes_before_it_key_by_key():
    own = parse_description(SHARED, "shared.toml").kinds["own"]
    assert (own.path, own.output) == ("/own/{id}", {"file": "/file", "url": "/url"})
    assert (own.status.pointers, own.status.queued, own.status.canceled) == (("/state",), ("waiting",), ())
    assert own.status.running == ("busy",)
    assert (own.timing.interval, own.timing.cap) == (7, 50)


def test_a_shared_section_is_checked_too():
    with pytest.raises(
        DescriptionError, match=r"^shared\.toml: status\.runing: unknown key; did you mean 'running'\?$"
    ):
        parse_description(SHARED.replace("running =", "runing ="), "shared.toml")


def test_a_file_in_the_folder_adds_a_provider(tmp_path):
    (tmp_path / "small.toml").write_text(SMALL)
    (tmp_path / "notes.txt").write_text("not a description")
    names = [description.name for description in load_descriptions(tmp_path)]
    assert names == [*sorted(DESCRIPTIONS), "small"]


def test_a_file_with_the_name_of_a_built_in_provider_replaces_it(tmp_path):
    (tmp_path / "whatever.toml").write_text(SMALL.replace('"small"', '"decart"'))
    known = {description.name: description for description in load_descriptions(tmp_path)}
    assert sorted(known) == sorted(DESCRIPTIONS)
    assert known["decart"].base_url == "https://api.small.example"


def test_a_wrong_file_in_the_folder_stops_the_start(tmp_path):
    (tmp_path / "wrong.toml").write_text("speed = 1")
    with pytest.raises(DescriptionError, match=r"wrong\.toml"):
        load_descriptions(tmp_path)


def test_a_missing_folder_is_named_with_its_variable(tmp_path):
    with pytest.raises(DescriptionError, match=r"TRACKER_PROVIDERS_DIR: .*nowhere is not a folder"):
        load_descriptions(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(DescriptionError, match="is not a folder"):
        load_descriptions(tmp_path / "file")


@pytest.mark.parametrize("other", ["small", "sm-all", "sm_all"])
def test_two_files_that_describe_one_provider_are_refused_by_their_names(tmp_path, other):
    first = "sm-all" if other == "sm_all" else other
    (tmp_path / "a.toml").write_text(SMALL.replace('"small"', f'"{first}"'))
    (tmp_path / "b.toml").write_text(SMALL.replace('"small"', f'"{other}"'))
    with pytest.raises(DescriptionError, match=r"^a\.toml and b\.toml both describe "):
        load_descriptions(tmp_path)
