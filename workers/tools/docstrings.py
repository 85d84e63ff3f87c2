"""What a docstring says to the model: what the tool does, and what each parameter means."""

import inspect
import re
from typing import Final

_SECTION: Final = re.compile(r"^(Args|Arguments|Parameters|Returns?|Raises|Yields?|Examples?|Notes?|Attributes):\s*$")
_PARAMETER: Final = re.compile(r"^\*{0,2}(\w+)\s*(?:\([^)]*\))?\s*:\s*(.*)$")


def read_docstring(text: str | None) -> tuple[str, dict[str, str]]:
    """The description before the first section, and the parameters of a Google-style `Args:` section by name."""
    description: list[str] = []
    parameters: dict[str, str] = {}
    section, margin, name = "", None, ""
    for line in inspect.cleandoc(text or "").splitlines():
        begun = _SECTION.match(line)
        if begun:
            section, margin, name = begun[1], None, ""
        elif not section:
            description.append(line)
        elif section in ("Args", "Arguments", "Parameters") and line.strip():
            indent = len(line) - len(line.lstrip())
            margin = indent if margin is None else margin
            found = _PARAMETER.match(line.strip()) if indent <= margin else None
            if found:
                name = found[1]
                parameters[name] = found[2]
            elif name:
                parameters[name] += " " + line.strip()
    return "\n".join(description).strip(), {name: text.strip() for name, text in parameters.items()}
