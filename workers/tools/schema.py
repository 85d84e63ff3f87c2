"""JSON schema of a function's parameters, and the check of what a model sends for them."""

import inspect
import typing
from collections.abc import Callable
from typing import Annotated, Any, Final

import typing_extensions
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from watchkeeper.tools import ToolContext
from workers.tools.registry import ArgumentError

_FIXED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
_FAULTS: Final = 5  # more of them help no model


class Unfit(Exception):
    """The function cannot be offered; says why."""


class Parameters:
    """The parameters of one function.

    Raises:
        Unfit: they have no schema, or cannot be given by name.
    """

    def __init__(self, function: Callable[..., Any], descriptions: dict[str, str]) -> None:
        try:
            signature = inspect.signature(function)
            hints = typing.get_type_hints(function, include_extras=True)
        except (NameError, TypeError, ValueError) as error:
            raise Unfit(f"its annotations cannot be read: {error}") from error
        self.context: str | None = None
        """The parameter that takes the ToolContext."""
        fields: dict[str, Any] = {}
        for name, parameter in signature.parameters.items():
            if hints.get(name) is ToolContext:
                self.context = name
                continue
            if parameter.kind not in _FIXED:
                raise Unfit(f"its parameter {parameter} cannot be given by name: spell the parameters out")
            fields[name] = _field(hints.get(name, Any), parameter.default, descriptions.get(name))
        make: Any = typing_extensions.TypedDict  # a form for literals only, says mypy
        arguments = make("Arguments", fields)
        arguments.__pydantic_config__ = ConfigDict(extra="forbid")
        try:
            self._adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(arguments)
            schema = self._adapter.json_schema()
        except PydanticUserError as error:
            raise Unfit(f"its parameters have no JSON schema: {str(error).splitlines()[0]}") from error
        self.schema: dict[str, Any] = {"properties": {}, **_without_titles(schema)}
        """JSON schema of the arguments as one object."""

    def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments as Python values; what was not given is left to the function's defaults.

        Raises:
            ArgumentError: they do not fit; the text tells the model what to mend.
        """
        try:
            return dict(self._adapter.validate_python(arguments))
        except ValidationError as error:
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            raise ArgumentError("; ".join(map(_told, faults[:_FAULTS]))) from None


def _field(kind: Any, default: Any, description: str | None) -> Any:
    extra = {} if default is inspect.Parameter.empty or not _is_plain(default) else {"default": default}
    described: Any = Annotated[kind, Field(description=description, json_schema_extra=extra or None)]
    required = typing_extensions.Required if default is inspect.Parameter.empty else typing_extensions.NotRequired
    return required[described]


def _told(fault: Any) -> str:
    return f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg']}"


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def _without_titles(schema: Any, *, of_properties: bool = False) -> Any:
    """pydantic's titles repeat the names; they cost tokens in every call."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _without_titles(value, of_properties=key in ("properties", "$defs") and not of_properties)
        for key, value in schema.items()
        if of_properties or key != "title"
    }
