"""A service that answers over real HTTP what a test has told it to, in the contract's shapes, and records requests."""

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

JOB_ID = "job_06f0000000000000000000000a"
NOW = "2026-11-22T10:00:00.123Z"


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict
    headers: dict
    body: object


@dataclass(frozen=True)
class Reply:
    status: int = 200
    document: object = None
    content_type: str = "application/json"
    text: str | None = None
    hangs: bool = False

    @property
    def content(self):
        if self.text is not None:
            return self.text.encode()
        return b"" if self.document is None else json.dumps(self.document).encode()


@dataclass
class FakeService:
    """Routes hold replies that are given in order; the last one is given again and again."""

    routes: dict = field(default_factory=dict)
    requests: list = field(default_factory=list)
    asked: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def on(self, method, path, *replies):
        self.routes[method, path] = list(replies)

    def reply_to(self, request):
        self.requests.append(request)
        self.asked.set()
        replies = self.routes.get((request.method, request.path))
        if not replies:
            return problem(404, detail="There is no such thing.")
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def sent(self, method, path):
        return [request for request in self.requests if (request.method, request.path) == (method, path)]

    def __enter__(self):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_):
        self.over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler_for(service):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _serve(self):
            url = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            body = json.loads(raw) if raw else None
            headers = {name.lower(): value for name, value in self.headers.items()}
            reply = service.reply_to(Request(self.command, url.path, parse_qs(url.query), headers, body))
            self.send_response(reply.status)
            self.send_header("content-type", reply.content_type)
            if reply.hangs:
                self.send_header("connection", "close")
            elif reply.status != 204:
                self.send_header("content-length", str(len(reply.content)))
            self.end_headers()
            self.wfile.write(reply.content)
            if reply.hangs:
                service.over.wait()

        do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815 - the standard library's names

        def log_message(self, *_):
            pass

    return Handler


def job(**changes):
    return {
        "id": JOB_ID,
        "provider": "scenario",
        "kind": "job",
        "account": "default",
        "remote_id": "remote-1",
        "params": {},
        "status": "running",
        "provider_status": "in-progress",
        "progress": 0.25,
        "output": None,
        "error": None,
        "tags": [],
        "metadata": {},
        "callback_url": None,
        "sequence": 1,
        "run": 1,
        "polls": 2,
        "created_at": NOW,
        "started_at": NOW,
        "updated_at": NOW,
        "finished_at": None,
        "timeout_at": NOW,
        "next_poll_at": "2026-11-22T10:00:05.000Z",
        "last_polled_at": NOW,
        "poll_problem": None,
        **changes,
    }


def succeeded(**changes):
    return job(
        **{"status": "succeeded", "provider_status": "success", "progress": 1.0, "next_poll_at": None, **changes}
    )


def failed(**changes):
    error = {"message": "out of memory", "hint": "use a smaller picture"}
    return job(**{"status": "failed", "provider_status": "failure", "error": error, "next_poll_at": None, **changes})


def event(event_type="job.running", number=1, **data):
    return {"id": f"evt_{number}", "type": event_type, "timestamp": NOW, "data": data or {"job": job()}}


def stream(*blocks, hangs=False):
    """A stream that breaks off behind these blocks of (cursor, event), or says nothing more."""
    text = "".join(f"id: {cursor}\nevent: {each['type']}\ndata: {compact(each)}\n\n" for cursor, each in blocks)
    return Reply(200, text=": heartbeat\n\n" + text, content_type="text/event-stream", hangs=hangs)


def compact(document):
    return json.dumps(document, separators=(",", ":"))


def subscription(**changes):
    return {
        "id": "sub_06f0000000000000000000000a",
        "callback_url": "https://example.com/hook",
        "events": ["job.succeeded"],
        "providers": [],
        "kinds": [],
        "tags": [],
        "description": None,
        "headers": {},
        "payload": "full",
        "order": "none",
        "max_in_flight": None,
        "status": "active",
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }


def delivery(**changes):
    return {
        "id": "dlv_06f0000000000000000000000a",
        "event_id": "evt_06f0000000000000000000000a",
        "event_type": "subscription.test",
        "job_id": None,
        "subscription_id": "sub_06f0000000000000000000000a",
        "status": "pending",
        "next_attempt_at": NOW,
        "created_at": NOW,
        "delivered_at": None,
        **changes,
    }


def attempt(**changes):
    return {
        "id": "att_06f0000000000000000000000a",
        "number": 1,
        "started_at": NOW,
        "duration_ms": 12,
        "outcome": "delivered",
        "http_status": 204,
        "error": None,
        "error_class": None,
        "address": "127.0.0.1:443",
        "is_private": False,
        "phases": {"dns": 1.5, "connect": 2, "tls": 3, "first_byte": 4, "total": 11},
        "response_body": "",
        **changes,
    }


def replay(**changes):
    return {
        "id": "rpl_06f0000000000000000000000a",
        "subscription_id": "sub_06f0000000000000000000000a",
        "status": "running",
        "total": 120,
        "queued": 0,
        "since": NOW,
        "until": NOW,
        "events": ["job.succeeded"],
        "only_failed": False,
        "rate": 50.0,
        "created_at": NOW,
        "finished_at": None,
        **changes,
    }


def listing(*rows, next_cursor=None):
    return Reply(200, {"data": list(rows), "next_cursor": next_cursor})


def problem(status, *, detail, errors=None):
    document = {"type": "about:blank", "title": "A title", "status": status, "detail": detail, "instance": "/v1"}
    return Reply(status, document | ({"errors": errors} if errors else {}), "application/problem+json")
