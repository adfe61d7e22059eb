import json

import pytest
from cli_fake_service import Reply

from tracker.cli.learned import drawn, spoken

EVEN = {
    "kind": "job",
    "model": None,
    "jobs": 40,
    "median_seconds": 20.0,
    "p90_seconds": 36.0,
    "delay_per_poll": 2.0,
    "polls_per_job": 2.41,
    "delay_seconds": 1.7,
    "documented": {"polls_per_job": 7.9, "delay_seconds": 150.0},
    "distribution": {"seconds": [0.0, 10.0, 20.0, 30.0, 40.0], "unfinished": [1.0, 1.0, 0.5, 0.25, 0.0]},
    "planned_polls": [19.0, 25.0, 41.0],
}
FLUX = EVEN | {"kind": "job", "model": "flux", "jobs": 3}


def show(tracker, service, *rows, **changes):
    provider = {"name": "own", "kinds": {"job": {}}, "learned": list(rows)} | changes
    service.on("GET", "/v1/providers/own", Reply(200, provider))
    result = tracker("providers", "show", "own")
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def test_bars_are_as_high_as_jobs_end_there_and_ticks_are_where_they_are_polled():
    assert drawn(EVEN)[:3] == ["job", "   █▄▄  when jobs end", "  ─┴┴─  when they are polled"]


def test_model_is_named_beside_its_kind():
    assert drawn(FLUX)[0] == "job flux"


def test_axis_ends_below_the_last_bar():
    seconds = [float(second) for second in range(61)]
    unfinished = [1 - second / 60 for second in range(61)]
    _, bars, ticks, axis = drawn(EVEN | {"distribution": {"seconds": seconds, "unfinished": unfinished}})
    assert bars == f"  {'█' * 60}  when jobs end"
    assert len(axis) == 2 + 60
    assert axis.endswith("60 s")
    assert [index for index, letter in enumerate(ticks[2:62]) if letter == "┴"] == [19, 25, 41]


def test_kind_of_which_nothing_ends_is_drawn():
    flat = EVEN | {"distribution": {"seconds": [0.0, 1.0, 2.0], "unfinished": [1.0, 1.0, 1.0]}, "planned_polls": []}
    assert drawn(flat)[1:3] == ["      when jobs end", "  ──  when they are polled"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.25, "0.25 s"),
        (12.345, "12.3 s"),
        (119, "119 s"),
        (119.9, "120 s"),
        (120, "2 min"),
        (1350, "22.5 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (86_400, "24 h"),
        (30 * 86_400, "30 days"),
    ],
)
def test_durations_are_said_as_people_say_them(seconds, words):
    assert spoken(seconds) == words


def test_show_prints_what_is_learned_as_a_table_and_pictures(tracker, service):
    lines = show(tracker, service, EVEN, FLUX).splitlines()
    table = next(index for index, line in enumerate(lines) if line.startswith("KIND") and "MEDIAN" in line)
    assert lines[table].split() == ["KIND", "JOBS", "MEDIAN", "P90", "POLLS", "PER", "JOB", "DELAY", "DOCUMENTED", "Λ"]
    cells = [cell.strip() for cell in lines[table + 1].split("  ") if cell.strip()]
    assert cells == ["job", "40", "20 s", "36 s", "2.4", "1.7 s", "7.9 polls, 2.5 min", "2 s"]
    assert lines[table + 2].startswith("job flux  3 ")
    assert lines[table + 3 : table + 8] == ["", *(line.rstrip() for line in drawn(EVEN))]
    assert lines[table + 8 :] == ["", *(line.rstrip() for line in drawn(FLUX))]


def test_what_is_learned_is_no_plain_field(tracker, service):
    printed = show(tracker, service, EVEN)
    assert "learned" not in printed
    assert "distribution" not in printed


def test_json_is_what_the_service_says(tracker, service):
    show(tracker, service, EVEN)
    assert json.loads(tracker("providers", "show", "own", "--json").stdout)["learned"] == [EVEN]


@pytest.mark.parametrize("learned", [[], None])
def test_service_that_has_learned_nothing_is_shown_without(tracker, service, learned):
    assert "MEDIAN" not in show(tracker, service, learned=learned)


def test_service_that_does_not_learn_is_shown_as_ever(tracker, service):
    service.on("GET", "/v1/providers/own", Reply(200, {"name": "own", "kinds": {"job": {}}}))
    result = tracker("providers", "show", "own")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "MEDIAN" not in result.stdout


def test_name_of_a_model_cannot_steer_the_terminal(tracker, service):
    assert "\x1b" not in show(tracker, service, EVEN | {"model": "flux\x1b[31m\nred"})


def test_pictures_come_out_on_a_terminal(run_on_a_terminal, service):
    service.on("GET", "/v1/providers/own", Reply(200, {"name": "own", "kinds": {}, "learned": [EVEN]}))
    code, shown = run_on_a_terminal("providers", "show", "own")
    assert code == 0
    assert "█▄▄  when jobs end" in shown
