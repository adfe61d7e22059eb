"""What the tests of subscriptions do again and again: send their form, and look for what it marks."""

from uuid import uuid4

from ..api.steps import PUBLIC_URL

FORM = {"callback_url": PUBLIC_URL, "events": ["job.succeeded"], "payload": "full", "order": "none"}


def once():
    return uuid4().hex


async def send(visitor, key=None, **fields):
    """Sends the form for a subscription."""
    token = (await visitor.see("/jobs")).token()
    body = {"token": token, "once": once() if key is None else key} | fields
    return await visitor.client.post("/subscriptions", data=body)


def rows(page):
    return [row for row in page.all("tr") if row.get("id")]


def marked(page):
    """The fields that are marked as wrong, and what is said of each."""
    told = {element.get("id"): element.text for element in page.all("p") if element.get("class") == "flaw"}
    wrong = [element for element in page.elements if element.get("aria-invalid")]
    return {element.get("name"): told[element.get("aria-describedby").split()[0]] for element in wrong}


def links(page):
    return [link.get("href") for link in page.all("a")]
