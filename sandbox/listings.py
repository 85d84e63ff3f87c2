"""Data answers without a conversation: lists of models in each format, and embeddings."""

import base64
import hashlib
import struct

from sandbox.conversation import count_words, tokens
from sandbox.schema import JsonObject

_CREATED = 1_735_689_600  # 2025-01-01, as good as any
_OPENAI = (
    "gpt-4o",
    "gpt-4o-mini",
    "llama-3.3-70b-versatile",
    "llama-3.1-8b-instant",
    "mistral-small-latest",
    "deepseek-chat",
    "text-embedding-3-small",
)
_ANTHROPIC = ("claude-sonnet-4-5-20250929", "claude-haiku-4-5-20251001")
_GEMINI = ("gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.0-flash")
_DIMENSIONS = 16


def openai_models() -> JsonObject:
    entries = [{"id": m, "object": "model", "created": _CREATED, "owned_by": "sandbox"} for m in _OPENAI]
    return {"object": "list", "data": entries}


def anthropic_models() -> JsonObject:
    entries = [
        {"type": "model", "id": m, "display_name": m, "created_at": "2025-01-01T00:00:00Z"} for m in _ANTHROPIC
    ]
    return {"data": entries, "has_more": False, "first_id": _ANTHROPIC[0], "last_id": _ANTHROPIC[-1]}


def gemini_models() -> JsonObject:
    return {
        "models": [
            {
                "name": f"models/{m}",
                "version": "001",
                "displayName": m,
                "inputTokenLimit": 1_048_576,
                "outputTokenLimit": 65_536,
                "supportedGenerationMethods": ["generateContent", "countTokens"],
            }
            for m in _GEMINI
        ]
    }


def embeddings(body: JsonObject, model: str) -> JsonObject:
    """Vectors made from a hash of each text: equal texts get equal ones, and they mean nothing."""
    given = body.get("input")
    texts = [str(entry) for entry in given] if isinstance(given, list) else [str(given)]
    wanted = body.get("dimensions")
    size = wanted if isinstance(wanted, int) and 0 < wanted <= 4096 else _DIMENSIONS
    packed = body.get("encoding_format") == "base64"
    words = tokens(sum(count_words(text) for text in texts))
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": i, "embedding": _vector(text, size, packed=packed)}
            for i, text in enumerate(texts)
        ],
        "model": model,
        "usage": {"prompt_tokens": words, "total_tokens": words},
    }


def _vector(text: str, size: int, *, packed: bool) -> str | list[float]:
    digest = hashlib.shake_128(text.encode()).digest(size)
    values = [round(byte / 127.5 - 1, 6) for byte in digest]
    return base64.b64encode(struct.pack(f"<{size}f", *values)).decode() if packed else values
