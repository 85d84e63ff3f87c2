"""What a model is told of a function's parameters, and what becomes of the arguments it sends."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import pytest

from watchkeeper import ToolContext, tool
from watchkeeper.tools import MARK
from workers.tools.loading import make_tool
from workers.tools.registry import ArgumentError, Tool
from workers.tools.schema import Unfit


class Unit(StrEnum):
    """Of a temperature."""

    C = "c"
    F = "f"


@dataclass
class Place:
    """Where."""

    city: str
    country: str = "AT"


@tool(repeatable=False, timeout_seconds=7)
def weather(place: Place, title: str, days: int = 1, unit: Unit = Unit.C, *, context: ToolContext) -> str:
    """The weather of the next days.

    Told by nobody in particular.

    Args:
        place: Where; a city
            with its country.
        title: Heading of the report.
        days (int): How many days.

    Returns:
        Text: never shown to the model.
    """
    return f"{title} {place.city} {days} {unit} {context.step}"


def made(function: Any) -> Tool:
    """The tool that a marked function is."""
    return make_tool(function, getattr(function, MARK))


def test_signature_and_docstring_become_the_schema_and_the_context_stays_out_of_it() -> None:
    found = made(weather)
    assert (found.name, found.repeatable, found.timeout_seconds, found.context) == ("weather", False, 7.0, "context")
    assert found.description == "The weather of the next days.\n\nTold by nobody in particular."
    properties = found.parameters["properties"]
    assert list(properties) == ["place", "title", "days", "unit"]
    assert properties["place"]["description"] == "Where; a city with its country."
    assert properties["title"] == {"type": "string", "description": "Heading of the report."}
    assert properties["days"] == {"type": "integer", "description": "How many days.", "default": 1}
    assert found.parameters["required"] == ["place", "title"]
    assert found.parameters["additionalProperties"] is False
    assert found.described()["function"]["parameters"] is found.parameters


def test_arguments_become_python_values_and_what_is_missing_is_left_to_the_defaults() -> None:
    arguments = made(weather).check({"place": {"city": "Graz"}, "title": "t", "unit": "f"})
    assert arguments == {"place": Place("Graz"), "title": "t", "unit": Unit.F}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"title": "t"}, "place: Field required"),
        ({"place": {"city": "Graz"}, "title": "t", "days": "many"}, "days: Input should be a valid integer"),
        ({"place": {"city": "Graz"}, "title": "t", "unit": "k"}, "unit: Input should be 'c' or 'f'"),
        ({"place": {"city": "Graz"}, "title": "t", "wind": 1}, "wind: Extra inputs are not permitted"),
        ({"place": {}, "title": "t"}, "place.city"),
    ],
)
def test_wrong_arguments_are_explained_to_the_model(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError, match=words.split(":")[0]) as raised:
        made(weather).check(given)
    assert words in str(raised.value)


def test_names_that_pydantic_uses_itself_are_fine_as_parameters() -> None:
    @tool
    def odd(schema: str, json: int, copy: bool = False, _private: str = "") -> str:
        """Odd names."""
        return schema

    found = made(odd)
    assert list(found.parameters["properties"]) == ["schema", "json", "copy", "_private"]
    assert found.check({"schema": "s", "json": 1}) == {"schema": "s", "json": 1}


def test_a_function_without_annotations_or_docstring_takes_anything() -> None:
    @tool(name="any-thing")
    def bare(what):  # type: ignore[no-untyped-def]
        return what

    found = made(bare)
    assert (found.name, found.description) == ("any-thing", "any-thing")
    assert found.check({"what": [1, None]}) == {"what": [1, None]}


@pytest.mark.parametrize("kind", ["args", "kwargs", "unknown", "name"])
def test_a_function_that_cannot_be_called_by_name_is_refused_with_the_reason(kind: str) -> None:
    def args(*paths: str) -> None: ...
    def kwargs(**options: str) -> None: ...
    def unknown(socket: "type[object] | Any", other: "NotThere") -> None: ...  # type: ignore[name-defined]  # noqa: F821

    functions = {"args": args, "kwargs": kwargs, "unknown": unknown, "name": tool(name="no name")(lambda: 1)}
    with pytest.raises(Unfit):
        made(tool(functions[kind]) if kind != "name" else functions[kind])


def test_a_time_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        tool(timeout_seconds=0)
