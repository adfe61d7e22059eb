"""The steps of a workflow as a graph."""

from hypothesis import given
from hypothesis import strategies as st

from tracker.dashboard.graph import HEIGHT, MOST, WIDTH, graph_of

NAMES = st.sampled_from("abcdefgh")


def a_step(name, *before, status="pending", type_="model"):
    return {"id": name, "type": type_, "status": status, "depends_on": list(before)}


def test_steps_stand_to_the_right_of_those_they_come_after():
    graph = graph_of([a_step("draw"), a_step("look", "draw"), a_step("sing"), a_step("film", "look", "sing")])
    places = {node.name: (node.x, node.y) for node in graph.nodes}
    assert places["draw"][0] == places["sing"][0] < places["look"][0] < places["film"][0]
    assert places["draw"][1] < places["sing"][1]
    assert len(graph.edges) == 3


def test_steps_without_an_order_are_no_graph():
    assert graph_of([]) is None
    assert graph_of([a_step("a"), a_step("b", "elsewhere"), a_step("c", "c")]) is None
    assert graph_of([a_step("0"), *(a_step(str(number), "0") for number in range(1, MOST + 1))]) is None


def test_node_tells_a_steps_status_and_type_as_far_as_there_is_room():
    (first, _) = graph_of([a_step("n" * 40, status="success"), a_step("b", "n" * 40)]).nodes
    assert (first.name, first.state, first.status) == ("n" * 17 + "…", "success · model", "succeeded")
    assert first.told == f"{'n' * 40}: success · model"


@given(st.dictionaries(NAMES, st.lists(NAMES, max_size=4), max_size=8))
def test_every_graph_is_drawn_within_its_size_without_boxes_on_each_other(before):
    graph = graph_of([a_step(name, *names) for name, names in before.items()])
    if graph is None:
        return
    places = [(node.x, node.y) for node in graph.nodes]
    assert len(set(places)) == len(places) == len(before)
    assert all(0 < x <= graph.width - WIDTH and 0 < y <= graph.height - HEIGHT for x, y in places)
    lefts, rights = {(x, y + HEIGHT // 2) for x, y in places}, {(x + WIDTH, y + HEIGHT // 2) for x, y in places}
    for edge in graph.edges:
        assert (edge.x1, edge.y1) in rights
        assert (edge.x2, edge.y2) in lefts
