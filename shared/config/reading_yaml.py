"""A configuration file read with all its problems at once, each with its line and path."""

from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from shared.config.document import AGENTS, DEFAULTS, KEYS, MODELS, PROVIDERS, SECTIONS, Document
from shared.errors import ConfigurationError

_LARGEST: Final = 1_000_000

_PLAIN_TAGS: Final = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

_TEXT, _WHOLE, _NUMBER, _FLAG, _TEXTS = "text", "a whole number", "a number", "true or false", "a list of texts"
_MAPPING: Final = "a mapping"
_OR_NONE: Final = " or null"

_SHAPES: Final[dict[str, dict[str, str]]] = {
    PROVIDERS: {
        "kind": _TEXT, "api_base": _TEXT + _OR_NONE, "auth": _TEXT, "active": _FLAG, "priority": _WHOLE,
        "key_page_url": _TEXT + _OR_NONE, "status_page_url": _TEXT + _OR_NONE,
    },
    KEYS: {"provider": _TEXT, "priority": _WHOLE, "active": _FLAG, "from_env": _TEXT},
    MODELS: {
        "provider": _TEXT, "remote_name": _TEXT, "display_name": _TEXT, "type": _TEXT, "active": _FLAG,
        "input_usd_per_million": _NUMBER + _OR_NONE, "output_usd_per_million": _NUMBER + _OR_NONE,
        "context_tokens": _WHOLE + _OR_NONE,
    },
    AGENTS: {
        "system_prompt": _TEXT, "models": _TEXTS, "temperature": _NUMBER + _OR_NONE, "top_p": _NUMBER + _OR_NONE,
        "max_tokens": _WHOLE + _OR_NONE, "timeout_seconds": _NUMBER, "tools": _TEXTS, "max_steps": _WHOLE,
        "on_outage": _TEXT, "output_schema": _MAPPING + _OR_NONE,
    },
}  # fmt: skip


@dataclass(slots=True)
class Problems:
    """What is wrong with a file, by path."""

    lines: dict[str, int] = field(default_factory=dict)
    found: list[tuple[str, str]] = field(default_factory=list)

    def add(self, path: str, words: str) -> None:
        """Note one."""
        self.found.append((path, words))

    def raise_any(self) -> None:
        """Raise ConfigurationError that lists them all."""
        if self.found:
            told = sorted((self._line(path), path, words) for path, words in self.found)
            lines = [f"  {f'line {line}: ' if line else ''}{path}: {words}" for line, path, words in told]
            raise ConfigurationError("\n".join(["refused, nothing was stored:", *dict.fromkeys(lines)]))

    def _line(self, path: str) -> int:
        while path not in self.lines and "." in path:
            path = path.rpartition(".")[0]
        return self.lines.get(path, 0)


class _Loader(yaml.SafeLoader):
    """No aliases: a file of some lines could stand for gigabytes."""

    def compose_node(self, parent: Any, index: int) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(None, None, "aliases (*name) are not read here", self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)


def read_document(text: str) -> tuple[Document, Problems]:
    """What `text` says; fields of a wrong type are noted and left out, so that the rest can be looked at, too.

    Raises:
        ConfigurationError: it is no YAML, too large, or no mapping.
    """
    if len(text) > _LARGEST:
        raise ConfigurationError(f"the file is larger than {_LARGEST} characters: is it the right one?")
    problems = Problems()
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        whole = _plain(loader, node, "", problems) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ConfigurationError(f"{line}not readable as YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ConfigurationError(f"not readable as YAML: {str(error).splitlines()[0]}") from error
    except RecursionError:
        raise ConfigurationError("not readable as YAML: nested too deeply") from None
    if not isinstance(whole, dict):
        raise ConfigurationError(f"the file must hold the sections {', '.join(SECTIONS)}")
    document = Document({}, lines=problems.lines)
    for name, value in whole.items():
        if name == "generation":
            if _is(value, _WHOLE + _OR_NONE):
                document.generation = value
            else:
                problems.add(name, f"must be {_WHOLE}, not {_told(value)}")
        elif name not in SECTIONS:
            problems.add(name, f"is no section: there are {', '.join(SECTIONS)}, and generation")
        else:
            document.sections[name] = _section(name, value, problems)
    return document, problems


def _section(section: str, value: Any, problems: Problems) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.add(section, f"must be names with their fields, not {_told(value)}")
        return {}
    if section == DEFAULTS:
        for purpose, model in value.items():
            if not isinstance(model, str):
                problems.add(f"{section}.{purpose}", f"must be the id of a model, not {_told(model)}")
        return {purpose: model for purpose, model in value.items() if isinstance(model, str)}
    return {name: _entry(section, f"{section}.{name}", fields, problems) for name, fields in value.items()}


def _entry(section: str, path: str, fields: Any, problems: Problems) -> dict[str, Any]:
    if fields is None:
        return {}
    if not isinstance(fields, dict):
        problems.add(path, f"must be fields with their values, not {_told(fields)}")
        return {}
    shapes = _SHAPES[section]
    for name, value in fields.items():
        if name not in shapes:
            problems.add(f"{path}.{name}", f"is no field: there are {', '.join(shapes)}")
        elif not _is(value, shapes[name]):
            problems.add(f"{path}.{name}", f"must be {shapes[name]}, not {_told(value)}")
    return {name: value for name, value in fields.items() if name in shapes and _is(value, shapes[name])}


def _is(value: Any, shape: str) -> bool:
    if shape.endswith(_OR_NONE):
        return value is None or _is(value, shape.removesuffix(_OR_NONE))
    if shape == _FLAG:
        return isinstance(value, bool)
    if shape in (_WHOLE, _NUMBER):
        return isinstance(value, int if shape == _WHOLE else int | float) and not isinstance(value, bool)
    if shape == _MAPPING:
        return isinstance(value, dict)
    if shape == _TEXTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, str)


def _told(value: Any) -> str:
    """What a value is. Never the value itself where it is text: somebody may have written a secret there."""
    if isinstance(value, bool | int | float) or value is None:
        return "null" if value is None else str(value).lower()[:40]
    names = {"str": "text", "list": "a list", "dict": "a mapping"}
    return names.get(type(value).__name__, f"a {type(value).__name__}")


def _plain(loader: _Loader, node: yaml.Node, path: str, problems: Problems) -> Any:
    problems.lines.setdefault(path, node.start_mark.line + 1)
    if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
        problems.add(path, "has a tag (!...): only plain lists, mappings and values are read")
        return None
    if isinstance(node, yaml.SequenceNode):
        return [_plain(loader, item, f"{path}[{place}]", problems) for place, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        try:
            return loader.construct_object(node, deep=True)
        except ValueError:
            problems.add(path, "holds a value that YAML cannot read: put it in quotes")
            return None
    found: dict[str, Any] = {}
    for name_node, value_node in node.value:
        name = loader.construct_object(name_node, deep=True)
        line = name_node.start_mark.line + 1
        inner = f"{path}.{name}" if path else str(name)
        problems.lines[inner] = line
        if not isinstance(name, str):
            problems.add(inner, "the name must be text: put it in quotes")
        elif name in found:
            problems.add(inner, "stands there twice")
        else:
            found[name] = _plain(loader, value_node, inner, problems)
    return found
