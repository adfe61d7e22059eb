"""The steps of a workflow as a graph, in columns: each step stands to the right of those it comes after. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracker.dashboard.spelling import shortened, tone

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]

MOST = 100
"""With more steps than that a picture helps nobody."""

WIDTH, HEIGHT = 150, 44
_ACROSS, _DOWN = WIDTH + 44, HEIGHT + 16
_LONGEST_NAME, _LONGEST_STATE = 18, 24


@dataclass(frozen=True, slots=True)
class Node:
    """A step, and where the upper left corner of its box is, in pixels."""

    name: str
    state: str
    told: str
    status: str
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Edge:
    """From the right side of a box to the left side of another, in pixels."""

    x1: int
    y1: int
    x2: int
    y2: int

    @property
    def bend(self) -> int:
        """How far the line goes straight before it bends."""
        return max((self.x2 - self.x1) // 2, 16)


@dataclass(frozen=True, slots=True)
class Graph:
    """Boxes and the lines between them, and how large all of it is, in pixels."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    width: int
    height: int


def graph_of(steps: Sequence[Json]) -> Graph | None:
    """The graph of steps that say what they come after; None where no step does, or they are too many."""
    before = {step["id"]: {each for each in step["depends_on"] if each != step["id"]} for step in steps}
    known = {name: names & before.keys() for name, names in before.items()}
    if not any(known.values()) or len(steps) > MOST:
        return None
    places = _places(known)
    nodes = tuple(_node(step, *places[step["id"]]) for step in steps)
    edges = tuple(_edge(places[name], places[step["id"]]) for step in steps for name in sorted(known[step["id"]]))
    right, bottom = max(node.x for node in nodes), max(node.y for node in nodes)
    return Graph(nodes, edges, right + WIDTH + 2, bottom + HEIGHT + 2)


def _places(before: Mapping[str, set[str]]) -> dict[str, tuple[int, int]]:
    """The corner of each box: column by column, those first that come after nothing that is left."""
    places: dict[str, tuple[int, int]] = {}
    column = 0
    while left := [name for name in before if name not in places]:
        # Steps that wait for each other have no order.
        ready = [name for name in left if before[name] <= places.keys()] or left
        places |= {name: (1 + column * _ACROSS, 1 + row * _DOWN) for row, name in enumerate(ready)}
        column += 1
    return places


def _node(step: Json, x: int, y: int) -> Node:
    state = f"{step['status']} · {step['type']}" if step["type"] else step["status"]
    name, short = shortened(step["id"], _LONGEST_NAME), shortened(state, _LONGEST_STATE)
    return Node(name, short, f"{step['id']}: {state}", tone(step["status"]), x, y)


def _edge(start: tuple[int, int], end: tuple[int, int]) -> Edge:
    return Edge(start[0] + WIDTH, start[1] + HEIGHT // 2, end[0], end[1] + HEIGHT // 2)
