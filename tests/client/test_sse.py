"""Server-Sent Events, however the network cuts them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.client.flows.sse import Decoder, Frame

BREAKS = st.sampled_from(["\n", "\r\n", "\r"])
WORDS = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=20)
NAMES = st.text(st.sampled_from("abcdefghij.123"), min_size=1, max_size=8)
FRAMES = st.builds(Frame, id=st.none() | NAMES, event=NAMES, data=WORDS.map(lambda text: "x" + text))


def decoded(*chunks):
    decoder = Decoder()
    return [frame for chunk in chunks for frame in decoder.feed(chunk)]


@st.composite
def streams(draw):
    """Frames, and a stream of them in any of the spellings that the standard allows, cut anywhere."""
    frames, lines = draw(st.lists(FRAMES, max_size=5)), []
    for frame in frames:
        lines += [f"event: {frame.event}", f"data:{draw(st.sampled_from(['', ' ']))}{frame.data}"]
        lines += [] if frame.id is None else [f"id:{frame.id}"]
        lines += draw(st.sampled_from([[], [": heartbeat"], ["unknown: field"]]))
        lines.append("")
    end = draw(BREAKS)
    text = draw(st.sampled_from(["", "\ufeff"])) + "".join(line + end for line in lines)
    data = text.encode()
    cuts = sorted(draw(st.sets(st.integers(0, len(data)), max_size=6)))
    chunks = [data[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    # What is behind a last CR is not known yet, so an end that is a CR completes nothing.
    return frames, [*chunks, b":\n"]


@given(streams())
def test_frames_are_the_same_however_they_are_cut_and_spelt(case):
    frames, chunks = case
    assert decoded(*chunks) == frames


def test_line_separators_of_unicode_part_nothing():
    assert decoded('data: {"a": "\u2028\x85\x0b"}\n\n'.encode()) == [Frame(data='{"a": "\u2028\x85\x0b"}')]


def test_several_lines_of_data_are_one_text():
    assert decoded(b"data: a\ndata:\ndata: b\n\n") == [Frame(data="a\n\nb")]


def test_comments_complete_no_frame():
    assert decoded(b": heartbeat\n\n", b":\n\n") == []


def test_id_without_data_is_a_frame_that_is_no_event():
    assert decoded(b"id: 7\n\n") == [Frame(id="7")]


@pytest.mark.parametrize(("line", "expected"), [(b"id:", ""), (b"id", ""), (b"id: a\0b", None)])
def test_id_may_be_emptied_but_holds_no_nul(line, expected):
    assert decoded(line + b"\ndata: x\n\n") == [Frame(id=expected, data="x")]


def test_end_in_the_middle_of_a_frame_gives_nothing():
    assert decoded(b"data: half", b"\ndata: more\n") == []
