"""A small service in memory for the calls of the contract that have no real one yet: batches, the feed, streams, keys.

It speaks the contract's shapes, refuses what the contract does not know, and can end its streams. Where the real
service has a call, the tests use that.
"""

from __future__ import annotations

import asyncio
import json
from fnmatch import fnmatchcase

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

KEY = "an-admin-key-of-the-operator"
AT = "2026-01-01T12:00:00.000Z"
SECRET = "whsec_" + "A" * 44
_TERMINAL = ("succeeded", "failed", "canceled", "expired")
_JOB_FIELDS = {"provider", "remote_id", "kind", "account", "params", "callback_url", "events", "tags", "metadata"} | {
    "timeout_seconds",
    "poll_after",
    "rerun",
}


class ContractServer:
    """Jobs whose statuses the test moves, the events of that, and what else was made."""

    def __init__(self):
        self.jobs, self.histories, self.events = {}, {}, []
        self.subscriptions, self.replays, self.keys = {}, {}, {}
        self.batches, self.resumed_from = [], []
        self._cuts = 0
        self._moved = asyncio.Condition()
        self.readers = asyncio.Semaphore(0)

    def app(self):
        one = "/v1/subscriptions/{id}"
        routes = [
            Route("/v1/jobs/batch", self.track_batch, methods=["POST"]),
            Route("/v1/jobs", self.track, methods=["POST"]),
            Route("/v1/jobs/{id}", self.show),
            Route("/v1/jobs/{id}/wait", self.show),
            Route("/v1/jobs/{id}/history", self.history),
            Route("/v1/jobs/{id}/events", self.job_stream),
            Route("/v1/events", self.feed),
            Route("/v1/events/stream", self.stream),
            Route(f"{one}/rotate-secret", self.rotate, methods=["POST"]),
            Route(f"{one}/replay", self.replay, methods=["POST"]),
            Route(f"{one}/replays", self.replay_list),
            Route(f"{one}/replays/{{replay_id}}", self.show_replay),
            Route("/v1/keys", self.create_key, methods=["POST"]),
            Route("/v1/keys", self.key_list),
            Route("/v1/keys/{id}", self.show_key),
            Route("/v1/keys/{id}", self.revoke, methods=["DELETE"]),
        ]
        return Starlette(routes=routes, exception_handlers={HTTPException: _problem})

    async def move(self, job_id, status):
        """Lets a job take a status, and tells whoever listens."""
        job, history = self.jobs[job_id], self.histories[job_id]
        previous = history[-1]["status"] if history else None
        job |= {"status": status, "sequence": len(history) + 1}
        change = {"sequence": job["sequence"], "previous_status": previous, "occurred_at": AT, "detected_at": AT}
        history.append({**change, "status": status, "provider_status": status.upper(), "progress": None})
        event_id = f"evt_{job_id}_{job['sequence']}"
        row = {"id": event_id, "type": f"job.{status}", "timestamp": AT, "data": {**change, "job": dict(job)}}
        async with self._moved:
            self.events.append(row)
            self._moved.notify_all()

    async def cut(self):
        """Ends all streams."""
        async with self._moved:
            self._cuts += 1
            self._moved.notify_all()

    async def track(self, request):
        return JSONResponse(self._job(await _body(request, _JOB_FIELDS)), 201)

    async def track_batch(self, request):
        bodies = (await _body(request, {"jobs"}))["jobs"]
        _require(1 <= len(bodies) <= 1000, "jobs", "A batch has 1 to 1000 jobs.")
        self.batches.append(len(bodies))
        return JSONResponse({"data": [self._registered(body) for body in bodies]})

    def _registered(self, body):
        unknown = sorted(set(body) - _JOB_FIELDS)
        if unknown:
            errors = [{"pointer": f"/{unknown[0]}", "detail": "This field is unknown."}]
            problem = {"title": "Unprocessable", "status": 422, "detail": "It cannot be used.", "errors": errors}
            return {"status": 422, "problem": problem}
        return {"status": 201, "job": self._job(body)}

    def _job(self, body):
        job_id = f"job_{len(self.jobs) + 1}"
        known = {"kind": "job", "account": "default", "status": "queued", "sequence": 0, "created_at": AT}
        self.jobs[job_id] = {"id": job_id, **known, **body}
        self.histories[job_id] = []
        return self.jobs[job_id]

    async def show(self, request):
        return JSONResponse(_known(self.jobs, request))

    async def history(self, request):
        _known(self.jobs, request)
        return _page(self.histories[request.path_params["id"]])

    async def feed(self, request):
        after, limit = int(request.query_params.get("after", 0)), int(request.query_params.get("limit", 50))
        rows = self.events[after : after + limit]
        return _page(list(filter(_filter_of(request), rows)), str(after + len(rows)))

    async def stream(self, request):
        last = request.headers.get("last-event-id")
        self.resumed_from.append(last)
        return self._event_stream(request, len(self.events) if last is None else int(last), _filter_of(request))

    async def job_stream(self, request):
        job_id = _known(self.jobs, request)["id"]
        return self._event_stream(request, len(self.events), lambda row: row["data"]["job"]["id"] == job_id)

    def _event_stream(self, request, position, is_wanted):
        _require(request.headers["accept"] == "text/event-stream", "accept", "Ask for text/event-stream.")

        async def frames():
            at, cuts = position, self._cuts
            yield f": hello\nid: {at}\n\n"
            self.readers.release()
            while self._cuts == cuts:
                for number, row in enumerate(self.events[at:], at + 1):
                    if is_wanted(row):
                        yield f"id: {number}\nevent: {row['type']}\ndata: {json.dumps(row)}\n\n: heartbeat\n\n"
                at = len(self.events)
                async with self._moved:
                    while self._cuts == cuts and len(self.events) == at:
                        await self._moved.wait()

        return StreamingResponse(frames(), media_type="text/event-stream")

    async def rotate(self, request):
        _known(self.subscriptions, request)
        await _body(request, {"grace_seconds"})
        return JSONResponse({"secret": SECRET})

    async def replay(self, request):
        _known(self.subscriptions, request)
        wanted = await _body(request, {"since", "until", "events", "only_failed"})
        _require("since" in wanted, "since", "Say since when.")
        replay = {
            "id": f"rpl_{len(self.replays) + 1}",
            "status": "running",
            "total": None,
            "queued": 0,
            "wanted": wanted,
        }
        self.replays[replay["id"]] = replay
        return JSONResponse(replay, 202)

    async def replay_list(self, request):
        _known(self.subscriptions, request)
        return _page(list(self.replays.values()))

    async def show_replay(self, request):
        return JSONResponse(self.replays[request.path_params["replay_id"]])

    async def create_key(self, request):
        body = await _body(request, {"name", "scope", "expires_at"})
        key = {"id": f"key_{len(self.keys) + 1}", "scope": "write", "created_at": AT, **body}
        self.keys[key["id"]] = key
        return JSONResponse({**key, "key": "trk_hush"}, 201)

    async def key_list(self, _request):
        return _page(list(self.keys.values())[::-1])

    async def show_key(self, request):
        return JSONResponse(_known(self.keys, request))

    async def revoke(self, request):
        del self.keys[_known(self.keys, request)["id"]]
        return Response(status_code=204)


def _filter_of(request):
    wanted = request.query_params.getlist("type")

    def passes(row):
        return not wanted or any(fnmatchcase(row["type"], name) for name in wanted)

    return passes


def _page(rows, cursor=None):
    return JSONResponse({"data": rows, "next_cursor": cursor})


def _known(things, request):
    thing = things.get(request.path_params["id"])
    if thing is None:
        raise HTTPException(404, f"There is no {request.path_params['id']!r}.")
    return thing


async def _body(request, known):
    if request.method == "POST":
        _require("idempotency-key" in request.headers, "idempotency-key", "Each POST of this client has a key.")
    body = await request.json()
    _require(set(body) <= known, str(sorted(set(body) - known)), "This field is unknown.")
    return body


def _require(is_right, place, detail):
    if not is_right:
        raise HTTPException(422, f"{place}: {detail}")


async def _problem(_request, error):
    document = {"title": "Refused", "status": error.status_code, "detail": error.detail}
    return JSONResponse(document, error.status_code, media_type="application/problem+json")
