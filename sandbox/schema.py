"""Arguments for a tool call, made up from the JSON schema of the tool."""

from collections.abc import Mapping

JsonObject = Mapping[str, object]

_MAX_DEPTH = 5  # a schema may refer to itself
_SIMPLE: Mapping[str, object] = {
    "string": "sandbox",
    "number": 1,
    "integer": 1,
    "boolean": True,
    "null": None,
}


def example_arguments(schema: JsonObject) -> dict[str, object]:
    """The required properties of an object `schema`: first enum value, "sandbox", 1, True, nested likewise."""
    return _object(schema, schema, 0)


def example(schema: JsonObject) -> object:
    """A value that keeps to `schema` as far as types, enums and required properties say."""
    return _example(schema, schema, 0)


def _object(schema: JsonObject, root: JsonObject, depth: int) -> dict[str, object]:
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, Mapping) or not isinstance(required, list) or depth > _MAX_DEPTH:
        return {}
    return {name: _example(properties[name], root, depth + 1) for name in required if name in properties}


def _example(schema: object, root: JsonObject, depth: int) -> object:
    if not isinstance(schema, Mapping):
        return "sandbox"
    schema = _resolved(schema, root, depth)
    if "const" in schema:
        return schema["const"]
    if (values := schema.get("enum")) and isinstance(values, list):
        return values[0]
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((entry for entry in kind if entry != "null"), "null")
    kind = str(kind).lower() if kind else "object" if "properties" in schema else "string"
    if kind == "object":
        return _object(schema, root, depth)
    if kind == "array":
        least = schema.get("minItems")
        count = least if isinstance(least, int) and depth <= _MAX_DEPTH else 0
        return [_example(schema.get("items"), root, depth + 1) for _ in range(min(count, 10))]
    return _SIMPLE.get(kind, "sandbox")


def _resolved(schema: JsonObject, root: JsonObject, depth: int) -> JsonObject:
    """`schema` with a local ``$ref`` followed, or the first alternative of anyOf/oneOf/allOf taken."""
    found: object = schema
    if isinstance(reference := schema.get("$ref"), str) and reference.startswith("#/"):
        found = root
        for part in reference[2:].split("/"):
            found = found.get(part) if isinstance(found, Mapping) else None
    else:
        for word in ("anyOf", "oneOf", "allOf"):
            if (options := schema.get(word)) and isinstance(options, list):
                found = options[0]
                break
    if not isinstance(found, Mapping):
        return {}
    return found if found is schema or depth > _MAX_DEPTH else _resolved(found, root, depth + 1)
