"""The forms that single values of a description must have."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from tracker.providers.flaws import Form
from tracker.providers.pointer import POINTER
from tracker.providers.templates import flaw_of_path, flaw_of_template, texts_of, url_parameter

BASE_URL = r"^https?://[^/?#@{}\s]+(/[^?#{}\s]*[^?#{}/\s])?$"
"""What a base URL looks like: no user info, no query, no fragment, no placeholder, no slash at its end."""
_NAME = r"^[a-z][a-z0-9_-]{0,39}$"
_HOST = r"^!?(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+$"
_CREDENTIAL_HEADERS = ("authorization", "proxy-authorization", "cookie")
_OWN_HEADERS = ("host", "content-length", "transfer-encoding", "connection", "accept-encoding", "if-none-match")


def _flaw_of_name(text: str) -> str:
    near = re.sub(r"[^a-z0-9_-]+", "-", text.lower()).strip("-")
    offer = f"{near!r}" if re.fullmatch(_NAME, near) else "'image'"
    return f"give small letters, digits, '-' and '_', a letter first and 40 at most, such as {offer}"


def _flaw_of_base_url(url: str) -> str:
    if "@" in url:
        return "credentials go into auth, not into a URL"
    if "?" in url or "#" in url:
        return "leave out '?' or '#' and all behind it: each kind has a query"
    if set(url) & set("{}"):
        return f"it holds no placeholders, they go into path (it is {url!r:.80})"
    if not re.match("https?://", url):
        return f"begin it with https:// (it is {url!r:.80})"
    if url.endswith("/"):
        return f"leave out the slash at its end (it is {url!r:.80})"
    return f"give a URL like https://api.example.com/v1 (it is {url!r:.80})"


def _flaw_of_host(host: str) -> str:
    if host.removeprefix("!") in ("*", "*."):
        return "that is every host there is: name a domain behind it, such as '*.example.com'"
    bare = re.sub(r"^!?[a-z]+://([^/@]*@)?", "", host.lower()).partition("/")[0].partition(":")[0]
    offer = f"{bare!r}" if re.fullmatch(_HOST, bare) else "'api.example.com' or '*.example.com'"
    return f"give the name of a host alone, in small letters, without scheme, port or path, such as {offer}"


def _flaw_of_variable(text: str) -> str:
    near = re.sub(r"[^A-Z0-9]+", "_", text.upper()) if re.fullmatch(r"[a-z_]{1,20}", text) else "EXAMPLE_API_KEY"
    return f"give the NAME of an environment variable, such as {near}, and never the credential itself"


def _flaw_of_pointer(pointer: str) -> str:
    return f"{pointer!r:.80} is not a JSON pointer: it begins with '/', and '~' is written '~0'"


def flaw_of_static_header(name: str) -> str | None:
    """Why a description cannot give a header by itself (None: it can)."""
    if name.lower() in _CREDENTIAL_HEADERS:
        return "credentials go into auth"
    return "this header is Tracker's own" if name.lower() in _OWN_HEADERS else None


def _credential_header(name: str) -> str:
    return _without("this header is Tracker's own" if name.lower() in _OWN_HEADERS else None, name)


def _checked_template(template: str) -> str:
    return _without(flaw_of_template(template), template)


def _checked_list_template(template: str) -> str:
    return _without(flaw_of_template(template, is_list=True), template)


def _checked_path(path: str) -> str:
    return _without(flaw_of_path(path) or flaw_of_template(path), path)


def _checked_path_or_url(path: str) -> str:
    return path if url_parameter(path) else _checked_path(path)


def _without(flaw: str | None, text: str) -> str:
    if flaw:
        raise ValueError(flaw)
    return text


def _checked_body(body: dict[str, Any]) -> dict[str, Any]:
    for text in texts_of(body):
        _checked_template(text)
    return body


def _checked_list_body(body: dict[str, Any]) -> dict[str, Any]:
    for text in texts_of(body):
        _checked_list_template(text)
    return body


def _checked_pattern(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groups
    except re.error as error:
        message = f"{pattern!r} is not a regular expression: {error}"
        raise ValueError(message) from error
    if groups != 1:
        message = f"{pattern!r} needs one group, around the number; it has {groups}"
        raise ValueError(message)
    return pattern


def _checked_code(code: object) -> int | str:
    # By hand, since a union complains once for each of its parts.
    if isinstance(code, int) and not isinstance(code, bool) and 100 <= code <= 599:
        return code
    if isinstance(code, str) and re.fullmatch("[1-5]xx", code):
        return code
    raise PydanticCustomError(
        "code_type", 'give a code from 100 to 599, such as 404, or a class of them, such as "4xx"'
    )


def _checked_scalar(value: object) -> str | int | float | bool:
    if isinstance(value, (str, int, float)):
        return value
    more = "; one_of takes a list" if isinstance(value, list) else ""
    raise PydanticCustomError("scalar_type", f"give a text, a number, true or false{more}")


Variable = Annotated[str, Form(r"^[A-Z][A-Z0-9_]*$", _flaw_of_variable, is_shown=False)]
"""The name of an environment variable that holds a credential."""
Name = Annotated[str, Form(_NAME, _flaw_of_name)]
Title = Annotated[str, Form(r"^[^\r\n]*\S[^\r\n]*$", lambda _: "give a line of text")]
Docs = Annotated[str, Form(r"^https?://[^\s/]\S*$", lambda _: "give a URL that begins with https://")]
BaseUrl = Annotated[str, Form(BASE_URL, _flaw_of_base_url, is_shown=False)]
HeaderName = Annotated[
    str, Form(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$", lambda _: "give the name of a header: letters, digits and '-'")
]
CredentialHeader = Annotated[HeaderName, AfterValidator(_credential_header)]
HeaderValue = Annotated[
    str, Form(r"^[ -~]*$", lambda _: "give ASCII characters on one line; no header carries others", is_shown=False)
]
HostPattern = Annotated[str, Form(_HOST, _flaw_of_host)]
"""A host name, or `*.` and a domain: every host below it; with `!` before it, not this one though another fits."""
Seconds = Annotated[float, Field(gt=0, le=30 * 86_400)]
Pointer = Annotated[str, Form(POINTER, _flaw_of_pointer)]
Pointers = Annotated[tuple[Pointer, ...], Field(min_length=1)]
Scalar = Annotated[
    str | int | float | bool, PlainValidator(_checked_scalar), WithJsonSchema({"type": ["string", "number", "boolean"]})
]
HttpCode = Annotated[
    int | str,
    PlainValidator(_checked_code),
    WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, {"type": "string", "pattern": "^[1-5]xx$"}]}
    ),
]
Template = Annotated[str, AfterValidator(_checked_template)]
ListTemplate = Annotated[str, AfterValidator(_checked_list_template)]
Body = Annotated[dict[str, Any], AfterValidator(_checked_body)]
ListBody = Annotated[dict[str, Any], AfterValidator(_checked_list_body)]
Path = Annotated[str, AfterValidator(_checked_path)]
PathOrUrl = Annotated[str, AfterValidator(_checked_path_or_url)]
Pattern = Annotated[str, AfterValidator(_checked_pattern)]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
SubmitPath = Annotated[
    str,
    Form(
        r"^(/(?!\*\*/)[^/?#{}\s]+)+$",
        lambda _: "begin it with '/', without a query; '*' is any one segment, and '**' stands at the end only",
    ),
]
