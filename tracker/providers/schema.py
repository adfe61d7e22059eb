"""The JSON Schema of a description file, for editors and other checkers."""

from __future__ import annotations

from typing import Any

from tracker.providers.description import Description

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NULL = {"type": "null"}


def description_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a description file.

    It refuses no file that the service takes in TOML's own types. It takes some that the service refuses: what a
    template holds, and whether the parts fit together, is told by `tracker providers check`.
    """
    schema = _tidied(Description.model_json_schema(by_alias=True))
    sections = schema["$defs"]
    kind = sections["Kind"]
    wanted = [_unless_shared(key, {"required": [key]}) for key in kind.pop("required")]
    for key, value in kind["properties"].items():
        section = sections.get(value.get("$ref", "").rpartition("/")[2], {})
        if "required" in section:
            whole = {"required": section.pop("required")}
            wanted.append(_unless_shared(key, {"properties": {key: whole}}))
    schema["properties"] |= kind["properties"]
    return {"$schema": DIALECT, **schema, "title": "A provider's description", "allOf": wanted}


def _unless_shared(key: str, demand: dict[str, Any]) -> dict[str, Any]:
    """Where the top level does not have the key, each kind has to meet the demand alone."""
    kinds = {"type": "object", "additionalProperties": demand}
    return {"if": {"not": {"required": [key]}}, "then": {"properties": {"kinds": kinds}}}


def _tidied(schema: Any) -> Any:  # noqa: ANN401 - JSON
    """Without what editors would show for nothing: TOML has no null, and a key's name needs no title."""
    if isinstance(schema, list):
        return [_tidied(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {name: _tidied(part) for name, part in schema.items() if not _is_noise(name, part)}
    choices = [choice for choice in tidy.get("anyOf", ()) if choice != _NULL]
    if len(choices) == 1:
        tidy = {name: part for name, part in tidy.items() if name != "anyOf"} | choices[0]
    elif choices:
        tidy["anyOf"] = choices
    if "patternProperties" in tidy:
        tidy["additionalProperties"] = False
    return tidy


def _is_noise(name: str, part: Any) -> bool:  # noqa: ANN401 - JSON
    # A key that is called `title` or `default` has a schema of its own, which is an object.
    if name == "default":
        return part is None or (isinstance(part, dict) and "type" not in part)
    return (name == "title" and isinstance(part, str)) or (name == "discriminator" and "propertyName" in part)
