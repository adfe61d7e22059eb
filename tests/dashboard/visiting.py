"""What the tests of the dashboard do again and again: sign in, read pages as a browser takes them, send their forms."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx

from tracker.dashboard.sessions import COOKIE

VOID = frozenset(("br", "hr", "img", "input", "link", "meta"))


class Element:
    """An element of a page, with all the text in it."""

    def __init__(self, name, attributes):
        self.name = name
        self.attributes = attributes
        self.text = ""

    def get(self, name):
        return self.attributes.get(name)


class Seen(HTMLParser):
    """A page: its elements in their order, and its text, entities resolved."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.elements = []
        self.text = ""
        self._open = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {[element.name for element in self._open]}"

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open, f"never opened: {tag}"
        assert self._open[-1].name == tag, f"{self._open[-1].name} is closed by {tag}"
        self._open.pop()

    def handle_data(self, data):
        self.text += data
        for element in self._open:
            element.text += data

    def all(self, name):
        return [element for element in self.elements if element.name == name]

    def forms(self):
        """Where its forms lead, but that which signs out."""
        return [form.get("action") for form in self.all("form") if form.get("action") != "/logout"]

    def token(self):
        return next(field.get("value") for field in self.all("input") if field.get("name") == "token")


class Visitor:
    """Somebody with a browser; redirects are not followed."""

    def __init__(self, url, **settings):
        self.client = httpx.AsyncClient(base_url=url, trust_env=False, timeout=30, **settings)

    async def __aenter__(self):
        await self.client.__aenter__()
        return self

    async def __aexit__(self, *exception):
        await self.client.__aexit__(*exception)

    @property
    def session(self):
        return self.client.cookies.get(COOKIE)

    async def sign_in(self, key, **headers):
        return await self.client.post("/login", data={"key": key}, headers=headers)

    async def get(self, path, **parameters):
        return await self.client.get(path, params=parameters or None)

    async def see(self, path, status=200, **parameters):
        """A page, which must be there."""
        answer = await self.get(path, **parameters)
        assert answer.status_code == status, answer.text
        return Seen(answer.text)

    async def send(self, path, token=None, headers=None, **fields):
        """Sends a form; with the token of the session unless another is given."""
        if token is None:
            token = (await self.see("/jobs")).token()
        return await self.client.post(path, data={"token": token} | fields, headers=headers)


def leads_to(answer, path):
    return answer.status_code == 303 and answer.headers["location"] == path
