"""The JSON Schemas of bodies, answers and webhooks, as the document of the API has them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from tracker.api.shapes import Problem
from tracker.api.webhooks import WEBHOOKS

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]

REFERENCE = "#/components/{}/{}"
"""To a part of the document, by the sort of part and its name."""


class _Generator(GenerateJsonSchema):
    """Gives fields no titles, which would only say their names once more."""

    def field_title_should_be_set(self, _schema: object) -> bool:
        """Never."""
        return False

    def normalize_name(self, name: str) -> str:
        """`Page[Job]` is called `JobPage`."""
        return super().normalize_name(re.sub(r"^Page\[(\w+)\]$", r"\1Page", name))


class Schemas:
    """The JSON Schemas of the models; what has a name is defined once and referred to."""

    def __init__(self, shapes: Iterable[Any]) -> None:
        asked = {_name_of(shape): shape for shape in (*shapes, Problem, *WEBHOOKS.values())}
        self._schemas, rest = TypeAdapter.json_schemas(
            [(name, "validation", TypeAdapter(shape)) for name, shape in asked.items()],
            ref_template=REFERENCE.format("schemas", "{model}"),
            schema_generator=_Generator,
        )
        self.definitions: Json = dict(sorted(rest["$defs"].items()))
        for definition in self.definitions.values():
            # Generators of clients would prefer it to the name, which it is but for pages.
            del definition["title"]

    def of(self, shape: Any) -> Json:  # noqa: ANN401 - models, and what else a `TypeAdapter` takes
        """The schema of a shape, or a reference to it."""
        return self._schemas[_name_of(shape), "validation"]


def _name_of(shape: Any) -> str:  # noqa: ANN401 - models, and what else a `TypeAdapter` takes
    return str(shape.__name__)
