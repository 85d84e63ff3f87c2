"""The cheapest question that shows whether a key is accepted, and what its answer means. Pure: no I/O."""

from shared.probing.listing import Listing, Question, listing_of, question
from shared.probing.outcome import Outcome, Proof, read_answer, read_failure, untested

__all__ = [
    "Listing",
    "Outcome",
    "Proof",
    "Question",
    "listing_of",
    "question",
    "read_answer",
    "read_failure",
    "untested",
]
