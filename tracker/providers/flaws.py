"""How a flaw of a description is raised, so that its author is told its place, and shown no more than is safe."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic_core import CoreSchema, PydanticCustomError, core_schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler

UNSHOWN = "unshown"
"""The type of a flaw whose value is not to be repeated: it may be a credential."""


def flaw_at(place: str | tuple[str, ...], words: str) -> PydanticCustomError:
    """A flaw of one key that only the section around it can see; `place` is the key within the section."""
    return PydanticCustomError("flaw", words, {"at": (place,) if isinstance(place, str) else place})


@dataclass(frozen=True)
class Form:
    """The form of a text. Editors are told by `pattern`, people by what `flaw` says of a text that does not have it."""

    pattern: str
    flaw: Callable[[str], str]
    is_shown: bool = True

    def check(self, text: str) -> str:
        """The text, if it has the form."""
        if re.fullmatch(self.pattern, text) is None:
            raise PydanticCustomError("flaw" if self.is_shown else UNSHOWN, self.flaw(text))
        return text

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - a type
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {**handler(schema), "pattern": self.pattern}
