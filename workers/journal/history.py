"""The earlier turns of a conversation, as many as a model could read."""

import json
from typing import Any, Final

from workers.journal.database import Database, Row
from workers.journal.statements import Statements

MOST_HISTORY: Final = 4 * 1024 * 1024
"""Characters of JSON that a claim loads at most, newest turns first: more than any model reads."""

_FIRST_PAGE: Final = 8


def read_history(database: Database, statements: Statements, conversation_id: str) -> list[dict[str, Any]]:
    """The messages of the conversation's completed jobs, oldest first, whole turns, within `MOST_HISTORY`.

    Read in pages from the newest, each twice as long as the one before: a conversation of thousands of turns costs
    what is used of it.
    """
    found: list[Row] = []
    left, page, offset = MOST_HISTORY, _FIRST_PAGE, 0
    while left > 0:
        rows = database.rows(statements.history, {"conversation_id": conversation_id, "page": page, "offset": offset})
        for turn in rows:
            left -= len(turn["messages"]) + len(turn["result"])
            if left < 0:
                break
            found.append(turn)
        if len(rows) < page:
            break
        offset, page = offset + page, page * 2
    history: list[dict[str, Any]] = []
    for turn in reversed(found):
        history.extend(json.loads(turn["messages"]))
        history.append({"role": "assistant", "content": json.loads(turn["result"])["text"]})
    return history
