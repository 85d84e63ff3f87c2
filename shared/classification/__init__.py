"""Says what a failed attempt means: cause, scope, when it ends. Pure: no I/O, no clock, no state."""

from shared.classification.classify import classify
from shared.classification.failure import Failure
from shared.classification.verdict import Cause, Confidence, Scope, Verdict

__all__ = ["Cause", "Confidence", "Failure", "Scope", "Verdict", "classify"]
