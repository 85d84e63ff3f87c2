"""What an agent's answers may be told to keep to: a JSON schema that is whole in itself and evaluates to an end."""

import json
from collections.abc import Iterator
from typing import Any, Final

from shared.errors import ConfigurationError

MAX_SCHEMA_BYTES: Final = 64 * 1024
_SAMPLES: Final[tuple[Any, ...]] = ({}, [], "", 0, True, None)


def check_output_schema(field: str, value: Any) -> dict[str, Any]:
    """`value` when it is a JSON schema (draft 2020-12) whose references all lead into itself.

    Raises:
        ConfigurationError: names the place. Nothing is fetched: a reference to another document is refused.
    """
    if not isinstance(value, dict):
        raise ConfigurationError(f"{field}: must be a JSON schema, a mapping such as {{type: object, ...}}")
    try:
        size = len(json.dumps(value, allow_nan=False).encode())
        if size > MAX_SCHEMA_BYTES:
            raise ConfigurationError(f"{field}: {size} bytes as JSON, at most {MAX_SCHEMA_BYTES} are stored")
        _check_keywords(field, value)
        for place, reference in _references(value, "$"):
            _check_reference(field, value, place, reference)
        _check_it_ends(field, value)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{field}: is no JSON: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{field}: nested too deeply, or refers to itself without end") from None
    return value


def _check_keywords(field: str, schema: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator, SchemaError  # here: every other command would pay for the import

    if str(schema.get("$schema", "2020-12")).find("2020-12") < 0:
        raise ConfigurationError(f"{field}: $.$schema: draft 2020-12 is what is read here")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ConfigurationError(f"{field}: {error.json_path}: {error.message[:300]}") from None


def _references(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("$ref", "$dynamicRef", "$id") and isinstance(inner, str):
                if name == "$id" and place == "$":
                    continue  # a name of the whole; nothing is fetched by it
                yield f"{place}.{name}", inner
            else:
                yield from _references(inner, f"{place}.{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _references(inner, f"{place}[{index}]")


def _check_reference(field: str, schema: dict[str, Any], place: str, reference: str) -> None:
    from referencing import Registry, Resource
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    if not place.endswith(".$ref") or not reference.startswith("#"):
        words = "only $ref to a place in this schema (#/$defs/...) is followed; nothing is fetched"
        raise ConfigurationError(f"{field}: {place}: {reference[:100]!r}: {words}")
    whole: Resource[Any] = DRAFT202012.create_resource(schema)
    try:
        Registry().with_resource("", whole).resolver().lookup(reference)
    except Unresolvable:
        raise ConfigurationError(f"{field}: {place}: there is no {reference[:100]!r} in this schema") from None


def _check_it_ends(field: str, schema: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schema)
    try:
        for sample in _SAMPLES:
            validator.is_valid(sample)
    except RecursionError:
        raise ConfigurationError(f"{field}: $: a $ref leads back to itself without end") from None
