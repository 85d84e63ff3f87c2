"""What the sandbox can be told to do with a request."""

from enum import StrEnum


class Behaviour(StrEnum):
    """One way to answer. The first group is what a provider says, the second what the network does."""

    OK = "ok"
    SLOW = "slow"  # a right answer, late
    INVALID = "invalid"
    EXPIRED = "expired"
    SUSPENDED = "suspended"
    PERMISSION = "permission"
    NO_CREDIT = "no_credit"
    DAILY_QUOTA = "daily_quota"
    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    MODEL_NOT_FOUND = "model_not_found"
    CONTEXT_WINDOW = "context_window"
    CONTENT_POLICY = "content_policy"
    BAD_REQUEST = "bad_request"
    ERROR_IN_200 = "error_in_200"

    HANG = "hang"  # never answers, until the client leaves
    RESET = "reset"  # TCP RST instead of an answer
    HTML = "html"  # the 403 block page of a CDN
    HTML_5XX = "html_5xx"  # the 520 page of a CDN
    EMPTY = "empty"  # HTTP 200 without a body
    DIE_MID_STREAM = "die_mid_stream"  # half an answer, then the connection closes
    END_MID_STREAM = "end_mid_stream"  # half a stream, then an end as if that were all
    ERROR_MID_STREAM = "error_mid_stream"  # half a stream, then an error as its last event
    HANG_MID_STREAM = "hang_mid_stream"  # half a stream, then silence, until the client leaves


ANSWERED_RIGHT = frozenset({Behaviour.OK, Behaviour.SLOW})

BROKEN_STREAMS = frozenset({Behaviour.END_MID_STREAM, Behaviour.ERROR_MID_STREAM, Behaviour.HANG_MID_STREAM})
"""What only a stream can meet: asked for a whole answer, these give a right one."""

BEGUN_RIGHT = ANSWERED_RIGHT | BROKEN_STREAMS | {Behaviour.DIE_MID_STREAM}

SEEN_BY_LISTING = ANSWERED_RIGHT | {
    Behaviour.INVALID,
    Behaviour.EXPIRED,
    Behaviour.SUSPENDED,
    Behaviour.OVERLOADED,
    Behaviour.SERVER_ERROR,
    Behaviour.HANG,
    Behaviour.RESET,
    Behaviour.HTML,
    Behaviour.HTML_5XX,
    Behaviour.EMPTY,
}
"""What a list-models request meets. The rest (balance, quota, model, prompt) shows only when a model is asked:
with real providers too, listing proves the key and nothing more. Such a request uses up no step of a plan."""
