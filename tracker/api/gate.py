"""What every call passes before its handler: scope, what is accepted, what is sent, and whether it was made before."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tracker.api.auth import caller_of
from tracker.api.bodies import refuse_body
from tracker.api.calls import MOST_VALUES
from tracker.api.context import context_of
from tracker.api.problems import ApiError, wrong_parameter
from tracker.rules.keys import allows
from tracker.rules.negotiation import is_acceptable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request
    from starlette.responses import Response

    from store.records import Scope
    from tracker.api.calls import Call, Handler, Parameter


def gated(call: Call) -> Handler:
    """The handler of a call behind its gate. What everybody may call answers however it is asked."""
    if call.scope is None:
        return call.handle
    needed = call.scope

    async def endpoint(request: Request) -> Response:
        _refuse_without_scope(request, needed)
        _refuse_unacceptable(request, call)
        _refuse_wrong_parameters(request, call.query)
        if call.method == "POST" and call.body is None:
            await refuse_body(request)
        if call.method == "POST":
            return await context_of(request).idempotency.answer(request, call)
        return await call.handle(request)

    return endpoint


def _refuse_without_scope(request: Request, needed: Scope) -> None:
    granted = caller_of(request).scope
    if not allows(granted, needed):
        raise ApiError(403, f"This needs a key with scope {needed.value!r}; yours has {granted.value!r}.")


def _refuse_unacceptable(request: Request, call: Call) -> None:
    accept = ", ".join(request.headers.getlist("accept"))
    carries_something = any(shape is not None for shape in call.answers.values())
    if carries_something and not any(is_acceptable(accept, media_type) for media_type in call.media_types):
        offer = " or ".join(call.media_types)
        raise ApiError(406, f"This answers with {offer}, which 'Accept: {accept:.200}' leaves out.")


def _refuse_wrong_parameters(request: Request, known: Sequence[Parameter]) -> None:
    counts: Counter[str] = Counter()
    for name, _ in request.query_params.multi_items():
        meant = next((parameter for parameter in known if parameter.is_named(name)), None)
        if meant is None:
            names = sorted(parameter.name.replace("*", "<key>") for parameter in known)
            offer = f"Known are: {', '.join(names)}." if names else "There are none here."
            raise wrong_parameter(name, f"The query parameter {name!r} is unknown. {offer}")
        counts[meant.name] += 1
        if counts[meant.name] > (MOST_VALUES if meant.repeats else 1):
            most = f"{MOST_VALUES} times" if meant.repeats else "once"
            raise wrong_parameter(name, f"The query parameter {meant.name!r} is given more than {most}.")
