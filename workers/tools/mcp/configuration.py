"""Which MCP servers there are: a JSON file in the form other programs use too (`{"mcpServers": {...}}`)."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from shared.errors import ConfigurationError
from shared.secret import redact
from watchkeeper.tools import DEFAULT_TIMEOUT_SECONDS

VARIABLE: Final = "WATCHKEEPER_MCP_SERVERS"

_NAME: Final = re.compile(r"^[a-zA-Z0-9-]+(_[a-zA-Z0-9-]+)*$")  # no "__": that is what joins it to a tool's name
_LONGEST_NAME: Final = 32
_REFERENCE: Final = re.compile(r"\$\{(\w+)\}")
_SHORTEST_SECRET: Final = 6  # hiding shorter values would only garble the words around them


@dataclass(frozen=True, slots=True)
class Command:
    """A server that is started here and spoken to over its stdin and stdout."""

    command: str
    args: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: str | None


@dataclass(frozen=True, slots=True)
class Address:
    """A server that is spoken to over streamable HTTP."""

    url: str = field(repr=False)  # may hold a token
    headers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """One server. `repeatable` None: its tools' own annotations say which of them may run twice."""

    name: str
    reach: Command | Address
    repeatable: bool | frozenset[str] | None
    timeout_seconds: float
    secrets: tuple[str, ...] = field(repr=False)

    def hide(self, text: str) -> str:
        """`text` without this server's secrets."""
        for secret in self.secrets:
            text = text.replace(secret, "[redacted]")
        return redact(text)


def read_servers(path: Path | None, environ: Mapping[str, str]) -> tuple[ServerConfig, ...]:
    """The servers of the file at `path`, those that are `disabled` left out; none without a path.

    `${NAME}` in `env`, `headers` and `url` is taken from `environ`. What other programs keep there too is ignored.

    Raises:
        ConfigurationError: the file cannot be read or understood, or a variable is not set; names it.
    """
    if path is None:
        return ()
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{VARIABLE}: {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ConfigurationError(f"{VARIABLE}: {path} is no JSON: {error}") from error
    servers = found.get("mcpServers") if isinstance(found, dict) else None
    if not isinstance(servers, dict):
        raise ConfigurationError(f'{VARIABLE}: {path} is not of the form {{"mcpServers": {{"name": {{...}}}}}}')
    read = []
    for name, entry in servers.items():
        try:
            server = _read(str(name), entry, environ)
        except ValueError as error:
            raise ConfigurationError(f"{VARIABLE}: {path}: the server {name!r}: {error}") from None
        if server is not None:
            read.append(server)
    return tuple(read)


def _read(name: str, entry: Any, environ: Mapping[str, str]) -> ServerConfig | None:
    if not _NAME.match(name) or len(name) > _LONGEST_NAME:
        raise ValueError(f"a name has letters, digits, - and single _, at most {_LONGEST_NAME}")
    if not isinstance(entry, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004 - it is the file that is wrong, not our code
    if entry.get("disabled") is True:
        return None
    reach = _reach(entry, environ)
    given = reach.env if isinstance(reach, Command) else reach.headers
    secrets = {*given.values(), *_expanded(entry, environ)}
    # Longest first: what is hidden of a longer one must not show the rest of it.
    hidden = sorted((text for text in secrets if len(text) >= _SHORTEST_SECRET), key=len, reverse=True)
    return ServerConfig(name, reach, _repeatable(entry), _timeout(entry), tuple(hidden))


def _reach(entry: dict[str, Any], environ: Mapping[str, str]) -> Command | Address:
    command, url = entry.get("command"), entry.get("url")
    if (command is None) == (url is None):
        raise ValueError('it has either "command" or "url"')
    if entry.get("type") == "sse" or entry.get("transport") == "sse":
        raise ValueError("the old SSE transport is not spoken here, only stdio and streamable HTTP")
    if url is not None:
        if not isinstance(url, str) or not re.match(r"^(https?://|\$\{)", url):
            raise ValueError('"url" begins with http:// or https://')
        return Address(_expand(url, environ), _texts(entry, "headers", environ))
    args, cwd = entry.get("args", []), entry.get("cwd")
    if not isinstance(command, str) or not isinstance(args, list) or not all(isinstance(arg, str) for arg in args):
        raise ValueError('"command" is a text and "args" a list of texts')
    if cwd is not None and not isinstance(cwd, str):
        raise ValueError('"cwd" is a text')
    return Command(command, tuple(args), _texts(entry, "env", environ), cwd)


def _texts(entry: dict[str, Any], key: str, environ: Mapping[str, str]) -> dict[str, str]:
    given = entry.get(key) or {}
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise ValueError(f'"{key}" is an object of texts')
    return {str(name): _expand(value, environ) for name, value in given.items()}


def _expand(text: str, environ: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in environ:
            raise ValueError(f"the variable {found[1]} is set neither in the environment nor in .env")
        return environ[found[1]]

    return _REFERENCE.sub(value, text)


def _expanded(entry: dict[str, Any], environ: Mapping[str, str]) -> set[str]:
    """The values that were taken from the environment."""
    return {environ[name] for name in _REFERENCE.findall(json.dumps(entry)) if name in environ}


def _repeatable(entry: dict[str, Any]) -> bool | frozenset[str] | None:
    given = entry.get("repeatable")
    if given is None or isinstance(given, bool):
        return given
    if isinstance(given, list) and all(isinstance(name, str) for name in given):
        return frozenset(given)
    raise ValueError('"repeatable" is true, false or a list of tool names')


def _timeout(entry: dict[str, Any]) -> float:
    given = entry.get("timeout_seconds", DEFAULT_TIMEOUT_SECONDS)
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given <= 86400:
        raise ValueError('"timeout_seconds" is a number above 0, at most 86400')
    return float(given)
