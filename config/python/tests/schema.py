"""Whether an answer is what the OpenRPC document says: the few words of JSON Schema that the document uses.

Does not: know formats. An unknown word is an error, so that nothing passes unlooked at.
"""

from __future__ import annotations

from typing import Any, Dict, List

KNOWN = {
    "$ref", "additionalProperties", "anyOf", "const", "contentEncoding", "default", "description", "enum", "format",
    "items", "maximum", "minimum", "oneOf", "properties", "required", "title", "type",
}  # fmt: skip
TYPES: Dict[str, Any] = {
    "string": str, "object": dict, "array": list, "boolean": bool, "null": type(None), "number": (int, float),
}  # fmt: skip


def wrong(value: Any, schema: Any, schemas: Dict[str, Any], at: str = "$") -> List[str]:
    """What is wrong with a value, with its place; empty when nothing is."""
    if schema is True:
        return []
    if schema is False:
        return [f"{at}: nothing may stand here"]
    found = [f"{at}: the schema uses `{word}`" for word in schema.keys() - KNOWN]
    if "$ref" in schema:
        found += wrong(value, schemas[schema["$ref"].rpartition("/")[2]], schemas, at)
    for several in ("anyOf", "oneOf"):
        if several in schema and all(wrong(value, one, schemas, at) for one in schema[several]):
            found.append(f"{at}: {value!r} is none of what it may be")
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: {value!r} is not one of {schema['enum']!r}")
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        found.append(f"{at}: {value!r} is not of type {' or '.join(kinds)}")
    if _is(value, "number") and value < schema.get("minimum", value):
        found.append(f"{at}: {value!r} is too small")
    if isinstance(value, dict):
        named = schema.get("properties", {})
        found += [f"{at}: `{key}` is missing" for key in schema.get("required", []) if key not in value]
        for key, one in value.items():
            # An answer may hold only what the document names: what is not named, no typed client can read.
            inner = named.get(key, schema.get("additionalProperties", "properties" not in schema))
            found += wrong(one, inner, schemas, f"{at}.{key}")
    if isinstance(value, list):
        for index, one in enumerate(value):
            found += wrong(one, schema.get("items", True), schemas, f"{at}[{index}]")
    return found


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, int) if kind == "integer" else isinstance(value, TYPES.get(kind, ()))
