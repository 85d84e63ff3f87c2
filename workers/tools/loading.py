"""The tools of a worker: built in, from the modules that WATCHKEEPER_TOOLS names, and from installed packages."""

import importlib
import inspect
import re
import sys
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from shared.errors import ConfigurationError
from watchkeeper.tools import MARK, Marked
from workers.tools.docstrings import read_docstring
from workers.tools.registry import BUILT_IN, Tool
from workers.tools.schema import Parameters, Unfit

ENTRY_POINTS: Final = "watchkeeper.tools"
"""Entry point group of installed packages; each entry is a module, or one marked function."""

_NAME: Final = re.compile(r"^[a-zA-Z0-9_-]{1,64}$")  # what every provider's API takes


def load_tools(modules: Iterable[str]) -> dict[str, Tool]:
    """Every tool by name. Imports the modules: installed ones first, then those of the working directory.

    Raises:
        ConfigurationError: a module cannot be imported, a function cannot be offered, two tools have one name.
    """
    tools = dict(BUILT_IN)
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    for source, found in [*_from_settings(modules), *_from_packages()]:
        for tool in _offered_by(found, source):
            known = tools.setdefault(tool.name, tool)
            if known.function is not tool.function:
                raise ConfigurationError(
                    f"two tools are called {tool.name!r}, in {known.module} and in {tool.module}: "
                    "give one of them another name with @tool(name=...)"
                )
    return tools


def make_tool(function: Any, marked: Marked) -> Tool:
    """The tool that `function` is.

    Raises:
        Unfit: it cannot be offered; says why.
    """
    name = marked.name or str(getattr(function, "__name__", ""))
    if not _NAME.match(name):
        raise Unfit(f"{name!r} is no name for a tool: letters, digits, _ and -, at most 64")
    description, descriptions = read_docstring(function.__doc__)
    parameters = Parameters(function, descriptions)
    return Tool(
        name=name,
        description=description or name.replace("_", " "),
        parameters=parameters.schema,
        function=function,
        is_async=inspect.iscoroutinefunction(function),
        check=parameters.check,
        context=parameters.context,
        repeatable=marked.repeatable,
        timeout_seconds=marked.timeout_seconds,
        reconcile=marked.reconcile,
        module=str(getattr(function, "__module__", "?")),
    )


def _from_settings(modules: Iterable[str]) -> list[tuple[str, Any]]:
    return [(f"WATCHKEEPER_TOOLS={name}", _imported(name)) for name in modules]


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise ConfigurationError(
            f"WATCHKEEPER_TOOLS: the module {name!r} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def _from_packages() -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for entry in entry_points(group=ENTRY_POINTS):
        source = f"the entry point {entry.name} = {entry.value}"
        try:
            found.append((source, entry.load()))
        except (Exception, SystemExit) as error:
            raise ConfigurationError(f"{source} cannot be loaded: {type(error).__name__}: {error}") from error
    return found


def _offered_by(found: Any, source: str) -> list[Tool]:
    candidates = list(vars(found).values()) if isinstance(found, ModuleType) else [found]
    marked = [value for value in candidates if isinstance(getattr(value, MARK, None), Marked)]
    if not marked:
        raise ConfigurationError(f"{source}: there is no function marked with @tool")
    tools: list[Tool] = []
    for function in marked:
        try:
            tools.append(make_tool(function, getattr(function, MARK)))
        except Unfit as error:
            name = getattr(function, "__qualname__", str(function))
            raise ConfigurationError(f"{source}: {name} cannot be a tool: {error}") from error
    return tools
