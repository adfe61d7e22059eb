"""Server-Sent Events, bytes to frames, as the HTML standard has it.

Libraries for this hand out events only. Here the comments in between, the heartbeats, end a read too: that is when a
wait looks at its clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Frame:
    """A block of the stream: `id` is None where it has none of its own, `data` where it is no event."""

    id: str | None = None
    event: str = "message"
    data: str | None = None


@dataclass(slots=True)
class Decoder:
    """Takes bytes as they come, and gives the frames that they complete."""

    _rest: bytes = b""
    _fields: list[tuple[str, str]] = field(default_factory=list)
    _is_first: bool = True

    def feed(self, chunk: bytes) -> list[Frame]:
        """The frames that end in this chunk."""
        frames = []
        for line in self._lines(chunk):
            if line:
                self._take(line)
            elif self._fields:
                frames.append(_frame(self._fields))
                self._fields = []
        return frames

    def _lines(self, chunk: bytes) -> list[bytes]:
        data = self._rest + chunk
        if self._is_first and len(data) < len(_BOM) and _BOM.startswith(data):
            self._rest = data
            return []
        if self._is_first:
            data = data.removeprefix(_BOM)
            self._is_first = False
        # A CR at the end may be the first half of a CRLF, so it stays until more comes.
        held = b"\r" if data.endswith(b"\r") else b""
        whole = data.removesuffix(held) if held else data
        *lines, rest = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        self._rest = rest + held
        return lines

    def _take(self, line: bytes) -> None:
        name, _, value = line.decode("utf-8", "replace").partition(":")
        if name:  # else it is a comment
            self._fields.append((name, value.removeprefix(" ")))


def _frame(fields: list[tuple[str, str]]) -> Frame:
    last = dict(fields)
    data = [value for name, value in fields if name == "data"]
    frame_id = last.get("id")
    return Frame(
        id=None if frame_id is None or "\0" in frame_id else frame_id,
        event=last.get("event") or "message",
        data="\n".join(data) if data else None,
    )
