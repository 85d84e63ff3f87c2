"""What a starting worker says of its configuration: chains, sources, and how many keys are ready."""

import structlog

from shared.keystate.store import FleetView
from workers.router.routes import Routes

log = structlog.get_logger()


def log_chains(routes: Routes, view: FleetView) -> None:
    """One event per agent."""
    for agent in routes.snapshot.agents.values():
        keys: dict[str, bool] = {}
        for candidate in routes.candidates(agent.name):
            standings = (view.standings.get(subject) for subject in candidate.subjects)
            ready = not any(standing is not None and standing.blocks(view.now_ms) for standing in standings)
            keys[candidate.label] = keys.get(candidate.label, False) or ready
        sources = {candidate.key.source for candidate in routes.candidates(agent.name) if candidate.key}
        log.info(
            "agent.chain",
            agent=agent.name,
            generation=routes.generation,
            chain=" > ".join(agent.models) or "nothing yet: `watchkeeper keys add PROVIDER`",
            keys=f"{sum(keys.values())} of {len(keys)} keys ready",
            source=", ".join(sorted(sources)) or "none",
        )
