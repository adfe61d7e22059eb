"""Descriptions that are wrong in one place, and what their author is told."""

import pytest

from tracker.providers.description import DescriptionError, parse_description

from .kitchen import SMALL


def parse(text=SMALL, **changes):
    """The small description, with parts of its text replaced: `old_text=new_text` for the names below."""
    parts = {
        "name": 'name = "small"',
        "title": 'title = "Small"',
        "auth": 'auth = { scheme = "bearer", token = "SMALL_API_KEY" }',
        "base_url": 'base_url = "https://api.small.example"',
        "kind": "[kinds.job]",
        "path": 'path = "/jobs/{id}"',
        "status": 'status = { pointers = ["/status"], running = ["busy"], succeeded = ["done"] }',
        "timing": "timing = { interval = 5 }",
    }
    for part, new in changes.items():
        assert text.count(parts[part]) == 1
        text = text.replace(parts[part], new)
    return parse_description(text, "small.toml")


def complaint(**changes):
    with pytest.raises(DescriptionError) as caught:
        parse(**changes)
    message = str(caught.value)
    assert message.startswith("small.toml")
    return message
