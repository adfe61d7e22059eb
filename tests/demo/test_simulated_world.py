from __future__ import annotations

from tracker.demo.simulators import Fault, Phase

SCRIPT = (Phase("pending", 5), Phase("completed"))


def test_ids_are_new_each_time(world):
    assert len({world.add("decart", "job", SCRIPT).id for _ in range(100)}) == 100


def test_provider_knows_a_job_only_while_it_keeps_it(world, clock):
    job = world.add("decart", "job", SCRIPT, appears_after=2, expires_after=10)
    assert world.find("decart", "job", job.id) is None
    clock.advance(2)
    assert world.find("decart", "job", job.id) == job
    clock.advance(8)
    assert world.find("decart", "job", job.id) is None


def test_job_belongs_to_its_provider_and_kind(world):
    job = world.add("wondercat", "editor", SCRIPT)
    assert world.find("decart", "editor", job.id) is None
    assert world.find("wondercat", "publish", job.id) is None


def test_canceled_job_is_over_at_once(world, clock):
    job = world.add("scenario", "job", SCRIPT)
    clock.advance(1)
    assert world.cancel(job).state(clock()).phase.status == "canceled"
    assert world.finished_at(job.id) == clock()


def test_finished_job_cannot_be_canceled(world, clock):
    job = world.add("scenario", "job", SCRIPT)
    clock.advance(5)
    assert world.cancel(job).state(clock()).phase.status == "completed"


def test_faults_of_the_job_come_before_those_of_all_and_each_takes_one_poll(world):
    world.break_polls(Fault.HTML)
    world.break_polls(Fault.HANG, job_id="a", times=2)
    met = [trouble.fault if trouble else None for trouble in map(world.count_poll, "aaab")]
    assert met == [Fault.HANG, Fault.HANG, Fault.HTML, None]


def test_healed_world_has_no_faults(world):
    world.break_polls(Fault.HTML, times=9)
    world.heal()
    assert world.count_poll("a") is None


def test_polls_are_told_as_they_come(world):
    heard = []
    world.asked = heard.append
    world.count_poll("a")
    world.count_poll("b")
    assert heard == ["a", "b"]
    assert world.polls == {"a": 1, "b": 1}
