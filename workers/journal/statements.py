"""The writer's statements, by what uses them. Every write of a job is conditional on its claim token (DESIGN 1)."""

from sqlalchemy.engine import Dialect

from shared.keystate import ledger
from workers.journal import claim_statements as claims
from workers.journal import note_statements as notes
from workers.journal import write_statements as writes
from workers.journal.database import Prepared


class Statements:
    """All of them, prepared for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        def prepared(statement: object) -> Prepared:
            return Prepared(statement, dialect)  # type: ignore[arg-type]

        self.claim = prepared(claims.CLAIM)
        self.journal = prepared(claims.JOURNAL)
        self.tool_starts = prepared(claims.TOOL_STARTS)
        self.history = prepared(claims.HISTORY)

        self.standing = prepared(writes.STANDING)
        self.advance = prepared(writes.ADVANCE)
        self.written_by = prepared(writes.WRITTEN_BY)
        self.add_step = prepared(writes.ADD_STEP)
        self.add_attempt = prepared(writes.ADD_ATTEMPT)
        self.start_tool = prepared(writes.START_TOOL)
        self.started_by = prepared(writes.STARTED_BY)
        self.finish = prepared(writes.FINISH)
        self.next_in_conversation = prepared(writes.NEXT_IN_CONVERSATION)
        self.give_back = prepared(writes.GIVE_BACK)
        self.add_event = prepared(writes.ADD_EVENT)

        self.heartbeat = prepared(notes.HEARTBEAT)
        self.cancels_asked = prepared(notes.cancels_asked(dialect))
        self.held_by = prepared(notes.HELD_BY)
        self.count_events = prepared(notes.COUNT_EVENTS)

        self.remember_standing = prepared(ledger.remember(dialect.name))
        self.forget_standing = prepared(ledger.forget())
        self.tell_key_event = prepared(ledger.tell(dialect.name))
