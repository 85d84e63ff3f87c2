"""The recorded answers and the hand-written variants of them, as failures."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.classification import Failure, Scope

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
HERE = Path(__file__).parent
PUNISHING = {Scope.KEY, Scope.KEY_MODEL, Scope.ACCOUNT}


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (HERE / name).read_text(encoding="utf-8").splitlines()]


def answer(
    status: int,
    body: object,
    *,
    provider: str = "openai",
    model: str = "openai/gpt-4o",
    headers: dict[str, str] | None = None,
) -> Failure:
    """An HTTP answer; a body that is not text is sent as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Failure(provider=provider, model=model, status=status, headers=headers or {}, body=text)


def said(status: int, message: str, **more: Any) -> Failure:
    """An answer in OpenAI's form that says `message`."""
    return answer(status, {"error": {"message": message, "type": None, "code": None}}, **more)
