"""The submit patterns of every description: which requests make a job, of which kind, and where its id is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.providers.description import parse_description
from tracker.providers.submits import Submitted, submitted

from .cases import DESCRIPTIONS
from .documents import documents

UUID = "3f6f2c1e-7a54-4a0c-9f7e-1d2b3c4d5e6f"
SCENARIO_JOB = {"job": {"jobId": "job_1", "status": "queued"}, "creativeUnitsCost": 1}
PHOTOGPT_JOB = {"status": "OK", "result": {"jobId": "job_1", "status": "CREATED"}}

SUBMITS = [
    ("scenario", "POST", "/generate/txt2img", SCENARIO_JOB, ("job", "job_1")),
    ("scenario", "POST", "/generate/custom/model_flux", SCENARIO_JOB, ("job", "job_1")),
    ("scenario", "POST", "/assets", {"asset": {"id": "asset_1"}, **SCENARIO_JOB}, ("job", "job_1")),
    ("scenario", "PUT", "/models/model_1/train", {"model": {"id": "model_1"}, **SCENARIO_JOB}, ("job", "job_1")),
    ("scenario", "PUT", "/workflows/wf_1/run", SCENARIO_JOB, ("job", "job_1")),
    ("scenario", "POST", "/assets/download", {"jobId": "job_2"}, ("job", "job_2")),
    ("scenario", "POST", "/models/model_1/download", {"jobId": "job_2"}, ("job", "job_2")),
    ("wondercat", "POST", "/image/generate", {"inferenceJobId": UUID, "status": "idle"}, ("inference", UUID)),
    ("wondercat", "POST", "/video/edit", {"editorJobId": UUID, "status": "idle"}, ("editor", UUID)),
    ("wondercat", "POST", "/publish/tiktok", {"outputJobId": UUID, "status": "idle"}, ("publish", UUID)),
    ("wondercat", "POST", "/publish/edit", {"outputJobId": UUID}, ("publish", UUID)),
    ("decart", "POST", "/v1/jobs/lucy-pro-t2v", {"job_id": UUID, "status": "pending"}, ("job", UUID)),
    ("photogpt", "POST", "/images/generation", PHOTOGPT_JOB, ("job", "job_1")),
    ("photogpt", "POST", "/images/upscaling", PHOTOGPT_JOB, ("job", "job_1")),
    ("photogpt", "POST", "/videos/generation", PHOTOGPT_JOB, ("job", "job_1")),
    ("photogpt", "GET", "/models/31/train", {"result": {"id": 31, "status": "new"}}, ("training", "31")),
    ("luma", "POST", "/dream-machine/v1/generations", {"id": UUID, "state": "queued"}, ("generation", UUID)),
    ("luma", "POST", "/dream-machine/v1/generations/image", {"id": UUID, "state": "queued"}, ("generation", UUID)),
    ("luma", "POST", f"/dream-machine/v1/generations/{UUID}/upscale", {"id": "up-1"}, ("generation", "up-1")),
    ("stability", "POST", "/v2beta/stable-image/upscale/creative", {"id": "a6dc"}, ("result", "a6dc")),
    (
        "stability",
        "POST",
        "/v2beta/stable-image/edit/replace-background-and-relight",
        {"id": "a6dc"},
        ("result", "a6dc"),
    ),
]

NO_SUBMITS = [
    ("scenario", "GET", "/generate/txt2img", SCENARIO_JOB, "another method"),
    ("scenario", "POST", "/generate", SCENARIO_JOB, "a segment less"),
    ("scenario", "POST", "/generate/", SCENARIO_JOB, "an empty segment is none"),
    ("scenario", "POST", "/generate/txt2img/model_1", SCENARIO_JOB, "a segment more, and not under custom"),
    ("scenario", "POST", "/v1/generate/txt2img", SCENARIO_JOB, "the path is the one behind the base URL"),
    ("scenario", "POST", "/generate/caption", {"caption": "a lighthouse"}, "answered at once, without a job"),
    ("scenario", "GET", "/jobs/job_1", SCENARIO_JOB, "a poll"),
    ("scenario", "POST", "/jobs/job_1/action", SCENARIO_JOB, "a cancellation"),
    ("photogpt", "GET", "/models/31", {"result": {"id": 31, "status": "new"}}, "a poll of a training"),
    ("photogpt", "POST", "/images/generation", {"status": "NOK", "result": None}, "refused"),
    ("decart", "GET", f"/v1/jobs/{UUID}", {"job_id": UUID, "status": "pending"}, "a poll"),
    ("decart", "POST", "/v1/jobs/lucy-pro-t2v", {"job_id": ""}, "an empty id is none"),
    ("decart", "POST", "/v1/jobs/lucy-pro-t2v", {"job_id": True}, "no id"),
    ("decart", "POST", "/v1/jobs/lucy-pro-t2v", {"job_id": ["a"]}, "no id"),
    ("decart", "POST", "/v1/jobs/lucy-pro-t2v", None, "no JSON"),
    ("stability", "POST", "/v2beta/stable-image/generate/core", {"id": "a6dc"}, "answered at once, with the image"),
]

TWO_KINDS = """
    name = "two"
    title = "Two"
    base_url = "https://two.example"
    auth = { scheme = "none" }
    default_kind = "small"
    status = { pointers = ["/status"], succeeded = ["done"] }
    timing = { interval = 5 }
    submits = [
      { path = "/make/*", kind = "large", id = ["/large/id"] },
      { path = "/make/*", id = ["/id", "/job/id"] },
    ]
    [kinds.small]
    path = "/small/{id}"
    [kinds.large]
    path = "/large/{id}"
"""


def describe(text=TWO_KINDS):
    return parse_description(text, "two.toml")


@pytest.mark.parametrize(("provider", "method", "path", "document", "job"), SUBMITS)
def test_a_submit_tells_kind_and_id(provider, method, path, document, job):
    assert submitted(DESCRIPTIONS[provider], method, path, document) == Submitted(*job)
    assert submitted(DESCRIPTIONS[provider], method.lower(), path, document) == Submitted(*job)


def test_a_submit_tells_the_parameters_that_its_job_needs():
    urls = {f"{what}_url": f"https://queue.fal.run/fal-ai/flux/requests/1/{what}" for what in ("status", "cancel")}
    answer = {"request_id": "1", "response_url": "https://queue.fal.run/fal-ai/flux/requests/1", **urls}
    job = submitted(DESCRIPTIONS["fal"], "POST", "/fal-ai/flux/dev/image-to-image", answer)
    assert job == Submitted(
        "request",
        "1",
        {"poll_url": urls["status_url"], "response_url": answer["response_url"], "cancel_url": urls["cancel_url"]},
    )
    bfl = submitted(DESCRIPTIONS["bfl"], "POST", "/v1/flux-pro-1.1", {"id": "2", "polling_url": "https://api.bfl.ai/r"})
    assert bfl == Submitted("task", "2", {"poll_url": "https://api.bfl.ai/r"})


@pytest.mark.parametrize(
    ("path", "fits"), [("/a", True), ("/a/b/c", True), ("/", False), ("/a/b//d", True), ("", False)]
)
def test_two_stars_are_one_or_more_segments(path, fits):
    text = TWO_KINDS.replace('path = "/make/*", id', 'path = "/**", id')
    assert (submitted(describe(text), "POST", path, {"id": "1"}) is not None) == fits


@pytest.mark.parametrize(("provider", "method", "path", "document", "reason"), NO_SUBMITS)
def test_what_makes_no_job_tells_none(provider, method, path, document, reason):
    assert submitted(DESCRIPTIONS[provider], method, path, document) is None, reason


@pytest.mark.parametrize("provider", ["scenario", "wondercat", "decart", "photogpt", "luma", "stability"])
def test_every_pattern_of_these_descriptions_is_shown_above(provider):
    patterns = DESCRIPTIONS[provider].submits
    shown = [(method, path, document) for name, method, path, document, _ in SUBMITS if name == provider]
    for pattern in patterns:
        alone = DESCRIPTIONS[provider].model_copy(update={"submits": (pattern,)})
        assert any(submitted(alone, *each) for each in shown), pattern.path


@pytest.mark.parametrize(
    ("document", "job"),
    [
        ({"large": {"id": "1"}, "id": "2"}, ("large", "1")),
        ({"id": "2"}, ("small", "2")),
        ({"job": {"id": 3}}, ("small", "3")),
        ({"large": {}}, None),
    ],
)
def test_the_first_pattern_whose_id_is_there_has_the_word(document, job):
    assert submitted(describe(), "POST", "/make/it", document) == (job and Submitted(*job))


@given(st.sampled_from([(name, submit) for name, one in DESCRIPTIONS.items() for submit in one.submits]), documents)
def test_no_answer_makes_it_fail(known, document):
    name, submit = known
    job = submitted(DESCRIPTIONS[name], submit.method, submit.path, document)
    assert job is None or job.kind in DESCRIPTIONS[name].kinds
