"""The states of a job and the order of its queue.

::

    enqueue ──► queued ◄──────────────┐          run_after reached, keys back, rescue, retry
       │          │ claim             │
       │          ▼                   │
       └──►    running ──► waiting ───┤          yielded until a known time
     (run_after   │   └──► parked  ───┘          no key can serve it for now
      in future:  │
      waiting)    ├──► completed                 final: the result is stored
                  ├──► failed                    final: the error says why
                  ├──► cancelled                 final: a person or the backend said stop
                  └──► dead                      final: it broke workers; a person must look
"""

from enum import IntEnum, StrEnum


class JobState(StrEnum):
    """Where a job is. Who moves it out of a state is said beside it."""

    QUEUED = "queued"  # a worker claims it; cancel
    RUNNING = "running"  # its worker finishes, yields or releases it; the rescuer returns it
    WAITING = "waiting"  # the stager, once run_after is reached; cancel
    PARKED = "parked"  # the stager, once the configuration changes or its re-check is due; cancel
    COMPLETED = "completed"  # final
    FAILED = "failed"  # final; `jobs retry` makes it queued again
    CANCELLED = "cancelled"  # final; `jobs retry` makes it queued again
    DEAD = "dead"  # final; `jobs retry` makes it queued again

    @property
    def final(self) -> bool:
        """True when the job has its one result and nothing will run any more."""
        return self in FINAL


FINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED, JobState.DEAD})
UNFINISHED = frozenset(JobState) - FINAL


class Priority(IntEnum):
    """Strict order between jobs that are ready at the same time; first in, first out within one."""

    HIGH = 0
    NORMAL = 1
    LOW = 2
