"""Every Redis key of the service; the wake-up queue's names are the contract's (watchkeeper.contract)."""

from typing import Final

GENERATION: Final = "watchkeeper:generation"
"""String: the number of the newest configuration snapshot. A doorbell: its home is SQL. No TTL."""

NEWS_OF_CONFIGURATION: Final = "watchkeeper:config"
"""Channel: the generation that was just published, so that idle workers look at once instead of within a second."""

KEY_STATES: Final = "watchkeeper:key-states"
"""Hash: subject (`key:<fingerprint>`, ...) -> JSON of its state. Healthy subjects have no field. No TTL."""

FAILURES: Final = "watchkeeper:failures:"
"""Hash per subject (which follows): failed and served within a breaker's window. TTL: the window."""

CANARY: Final = "watchkeeper:canary:"
"""String per subject (which follows): which try has it now that its time is up. TTL: one attempt."""

RETRY_BUDGET: Final = "watchkeeper:retry-budget"
"""Hash: calls the fleet began, retries for passing causes, whether a refusal was told. TTL: the window, 60 s."""

KEY_STATES_KEPT: Final = "watchkeeper:key-states-kept"
"""String, the scheduler's mark: the run_id of the server it knew. With it, a missing state was
cleared; without it, or on another run, Redis was wiped or may have lost something. No TTL."""

WAKE_UPS_KEPT: Final = "watchkeeper:wake-ups-kept"
"""String, the stager's mark: without it Redis was wiped, and every wake-up is sent again. No TTL."""

DEATHS: Final = "watchkeeper:deaths"
"""Channel: a supervisor has just written to SQL that a worker ended, so that the rescuer looks at once."""

UNTOLD: Final = "watchkeeper:untold"
"""Hash: incarnation -> JSON of its end, which SQL could not be told of (shared.supervision.untold). TTL: a day."""

ORDERS: Final = "watchkeeper:orders:"
"""List per supervisor (whose id follows): what it is asked to do, as JSON (shared.supervision.orders). TTL: 60 s."""
