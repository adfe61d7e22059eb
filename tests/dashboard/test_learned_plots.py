"""What is learned of a kind, as a plot beside what polling costs."""

from tracker.dashboard.learned import Cost, learned

ROW = {
    "kind": "inference",
    "model": None,
    "jobs": 8.0,
    "median_seconds": 19.2,
    "p90_seconds": 75.0,
    "delay_per_poll": 2.0,
    "polls_per_job": 3.1,
    "delay_seconds": 2.9,
    "documented": {"polls_per_job": 8.8, "delay_seconds": 2.5},
    "distribution": {"seconds": [0.0, 20.0, 80.0], "unfinished": [1.0, 0.5, 0.0]},
    "planned_polls": [15.0, 40.0, 81.0],
}


def test_curve_falls_from_all_to_none_and_polls_stand_at_their_ages():
    plot = learned(ROW).plot
    area, ticks, line = plot.marks
    assert line.path == "M0 0L150 50L600 100"
    assert area.path == line.path + "V100H0Z"
    assert ticks.path == "M112.5 0V100M300 0V100"


def test_planned_and_documented_polls_stand_beside_each_other_and_are_added_up():
    assert learned(ROW).costs == (
        Cost("planned", "3.1", "2.9 s", "9.1 s"),
        Cost("documented", "8.8", "2.5 s", "20 s"),
    )


def test_plot_is_told_in_words_too():
    shown = learned(ROW)
    assert shown.summary == (
        "Jobs that are not finished, by age: half are done after 19 s, nine in ten after 1 min 15 s, "
        "planned polls 3.1 a job"
    )
    assert shown.ages == ("0", "20 s", "40 s", "1 min", "1 min 20 s")
    assert shown.polls == "15 s, 40 s, 1 min 21 s"


def test_it_says_how_much_it_was_learned_from():
    assert learned(ROW).told == "From 8 jobs that ended. A poll counts as 2.0 s of delay."
    assert learned(ROW | {"jobs": 1.0}).told.startswith("From 1 job that ended.")
    assert learned(ROW | {"jobs": 0.0}).told.startswith("No job has ended yet")
