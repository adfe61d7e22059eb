import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from tracker.providers.forms import Pointer
from tracker.providers.pointer import first_found, resolve

from .documents import documents

# The document and the pointers of RFC 6901, section 5.
RFC_DOCUMENT = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("", RFC_DOCUMENT),
        ("/foo", ["bar", "baz"]),
        ("/foo/0", "bar"),
        ("/", 0),
        ("/a~1b", 1),
        ("/c%d", 2),
        ("/e^f", 3),
        ("/g|h", 4),
        ("/i\\j", 5),
        ('/k"l', 6),
        ("/ ", 7),
        ("/m~0n", 8),
    ],
)
def test_the_examples_of_the_rfc_lead_where_it_says(pointer, value):
    assert resolve(RFC_DOCUMENT, pointer) == value


def test_an_escaped_tilde_is_not_unescaped_twice():
    assert resolve({"~1": "tilde one", "/": "slash"}, "/~01") == "tilde one"


@pytest.mark.parametrize(
    "pointer",
    [
        "/foo/2",
        "/foo/-",
        "/foo/-1",
        "/foo/00",
        "/foo/01",
        "/foo/+1",
        "/foo/1.0",
        "/foo/ 1",
        "/foo/¹",
        "/foo/" + "9" * 5000,
    ],
)
def test_an_index_is_plain_digits_within_the_list(pointer):
    assert resolve(RFC_DOCUMENT, pointer) is None


@pytest.mark.parametrize("document", [None, True, 0, 1.5, "text", [], {}])
def test_a_path_through_what_has_no_parts_leads_nowhere(document):
    assert resolve(document, "/a/b") is None
    assert resolve(document, "/0") is None


@pytest.mark.parametrize("value", [False, 0, "", [], {}])
def test_what_is_false_is_found_all_the_same(value):
    assert resolve({"a": value}, "/a") == value


@pytest.mark.parametrize(
    ("document", "pointer", "found"),
    [
        ({"a": [{"url": 1}, {"url": 2}]}, "/a/*/url", [1, 2]),
        ({"a": [{"url": 1}, {}, 5, {"url": None}]}, "/a/*/url", [1]),
        ({"a": [{"m": {"url": 1}}, {"m": {"url": 2}}]}, "/a/*/m/url", [1, 2]),
        ({"a": [[1, 2], [3]]}, "/a/*/*", [[1, 2], [3]]),
        ({"a": [{"b": [1, 2]}, {"b": []}]}, "/a/*/b/0", [1]),
        ({"a": [1, None]}, "/a/*", [1]),
        ({"a": []}, "/a/*/url", []),
        ({"a": {"*": 1}}, "/a/*", 1),
        ({"a": {"b": 1}}, "/a/*/b", None),
        ([{"x~y": 1}], "/*/x~0y", [1]),
    ],
)
def test_a_star_stands_for_every_item_of_a_list(document, pointer, found):
    assert resolve(document, pointer) == found


def test_the_first_pointer_that_leads_to_something_counts():
    document = {"a": None, "b": "", "c": 0, "d": 1}
    assert first_found(document, ("/a", "/b", "/c", "/d")) == 0
    assert first_found(document, ("/x", "/d")) == 1
    assert first_found(document, ("/a", "/b")) is None


@pytest.mark.parametrize("text", ["a", "a/b", "/a~", "/a~2", "~0", "#/a", "*"])
def test_a_text_that_is_no_pointer_is_refused(text):
    with pytest.raises(ValidationError, match="is not a JSON pointer"):
        TypeAdapter(Pointer).validate_python(text)


@settings(deadline=None)
@given(st.dictionaries(st.text().filter(lambda name: name != "*"), st.integers(), min_size=1))
def test_every_member_has_a_pointer(document):
    for name, value in document.items():
        pointer = "/" + name.replace("~", "~0").replace("/", "~1")
        assert TypeAdapter(Pointer).validate_python(pointer) == pointer
        assert resolve(document, pointer) == value


@settings(deadline=None)
@given(documents, st.lists(st.sampled_from(["*", "0", "1", "-", "a", "job", "~1", ""]), max_size=5))
def test_no_document_makes_a_pointer_fail(document, segments):
    found = resolve(document, "".join(f"/{segment}" for segment in segments))
    orjson.dumps(found)
