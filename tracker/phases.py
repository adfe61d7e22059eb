"""How far an exchange has come, written down while it goes on."""

from __future__ import annotations

from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from tracker.rules.exchange import Trace

if TYPE_CHECKING:
    import socket

Phase: TypeAlias = Literal["dns", "connect", "tls", "answer"]


class Place(NamedTuple):
    """Where a connection leads to. `is_private`: only because the operator opened it."""

    host: str
    port: int
    is_private: bool

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Phases:
    """One exchange. It waits for its answer, unless a connection has to be made first.

    `place` is where it is sent to, as far as that is known, and `refusal` why it must not go there; `is_host_opened`
    tells that the operator opened the name that was looked up, whatever its addresses.
    """

    __slots__ = (
        *("current", "is_host_opened", "place", "refusal"),
        *("_began", "_entered", "_first_byte", "_spent", "_tried"),
    )

    def __init__(self) -> None:
        self.current: Phase = "answer"
        self.place: Place | None = None
        self.refusal: str | None = None
        self.is_host_opened = False
        self._tried: list[tuple[socket.socket, Place]] = []
        self._began = self._entered = perf_counter()
        self._spent: dict[Phase, float] = {}
        self._first_byte: float | None = None

    @property
    def places(self) -> list[Place]:
        """Where it has been tried to connect to, as long as that has not come to a connection; then `place` alone."""
        return [place for _, place in self._tried] or ([self.place] if self.place else [])

    def enter(self, phase: Phase) -> None:
        """Ends the current phase."""
        now = perf_counter()
        self._leave(now)
        self.current = phase

    def dial(self, dialled: socket.socket, place: Place) -> None:
        """A socket is about to be connected; several may be at once."""
        self._tried.append((dialled, place))
        self.place = place

    def reach(self, *, is_tls: bool) -> None:
        """One of the sockets is connected."""
        self.place = next((place for dialled, place in self._tried if _is_connected(dialled)), self.place)
        self._tried.clear()
        self.enter("tls" if is_tls else "answer")

    def hear(self) -> None:
        """The answer begins to come."""
        if self._first_byte is None:
            self._first_byte = perf_counter() - self._entered

    def trace(self) -> Trace:
        """What there is to tell by now."""
        now = perf_counter()
        if self.current != "answer":
            self._leave(now)
        return Trace(
            None if self.place is None else str(self.place),
            self.place is not None and self.place.is_private,
            _milliseconds(self._spent.get("dns")),
            _milliseconds(self._spent.get("connect")),
            _milliseconds(self._spent.get("tls")),
            _milliseconds(self._first_byte),
            round((now - self._began) * 1000, 2),
        )

    def _leave(self, now: float) -> None:
        # Several addresses may be dialled in turn, TLS and all: it adds up.
        self._spent[self.current] = self._spent.get(self.current, 0.0) + now - self._entered
        self._entered = now


PHASES: ContextVar[Phases] = ContextVar("PHASES")
"""Those of the exchange that goes on in this task: the HTTP client passes nothing of ours to where it dials."""


def _is_connected(dialled: socket.socket) -> bool:
    try:
        dialled.getpeername()
    except OSError:
        return False
    return True


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
