"""Reads what `/metrics` says, by the library's own parser."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx
    from prometheus_client import Metric


async def families_of(client: httpx.AsyncClient) -> Sequence[Metric]:
    """Every metric, with its help and its samples."""
    answer = await client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return list(text_string_to_metric_families(answer.text))


class Scrape:
    """The samples of one scrape, by name and labels."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float | None:
        """The value of a sample (None: it is not there)."""
        return self._samples.get((f"tracker_{name}", frozenset(labels.items())))

    def all(self, name: str, by: str) -> dict[str, float]:
        """The samples of a name that have counted something, by one of their labels."""
        found = [(dict(labels), value) for (of, labels), value in self._samples.items() if of == f"tracker_{name}"]
        return {labels[by]: value for labels, value in found if value}


async def scrape(client: httpx.AsyncClient) -> Scrape:
    """What `/metrics` says now."""
    return Scrape(await families_of(client))
