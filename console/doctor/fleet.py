"""Checks of what runs: scheduler, workers, agents, keys."""

import redis
from sqlalchemy import Connection, select

from console.doctor.check import Finding, Level
from console.keys import KeyView, list_keys, view_fleet
from console.readiness import readiness
from console.spans import in_words
from console.workers import list_supervisors, list_workers
from shared.config.catalogue import SANDBOX
from shared.config.compiling import compile_snapshot
from shared.config.environment_keys import environment_providers
from shared.config.publishing import newest_generation
from shared.db.tables import installation, leases, provider_keys
from shared.errors import ConfigurationError
from shared.keystate.standing import KeyState
from shared.settings import DEAD_AFTER_SECONDS, Settings
from shared.vault import fingerprint
from watchkeeper.clock import db_now


def check_scheduler(connection: Connection) -> list[Finding]:
    """One scheduler leads."""
    left = connection.execute(
        select(leases.c.expires_at - db_now()).where(leases.c.name == "scheduler")
    ).scalar_one_or_none()
    if left is None or left <= 0:
        words = "none leads: due jobs, rescue and .env stand still"
        return [Finding("scheduler", Level.FAIL, words, "watchkeeper scheduler (or watchkeeper up)")]
    return [Finding("scheduler", Level.OK, f"one leads, its lease runs for {in_words(left)} more")]


def check_workers(connection: Connection) -> list[Finding]:
    """Workers are alive and run on the newest generation."""
    alive = list_workers(connection)
    newest = newest_generation(connection)
    if not alive:
        return [Finding("workers", Level.FAIL, "none is running", "watchkeeper worker (or watchkeeper up)")]
    findings = []
    for worker in alive:
        name = f"{worker['host']}/{worker['pid']}"
        if worker["heartbeat_age_ms"] > DEAD_AFTER_SECONDS * 1000:
            words = f"{name} was last heard of {in_words(worker['heartbeat_age_ms'])} ago"
            findings.append(
                Finding("workers", Level.WARN, words, "look at its log; the scheduler gives its jobs to others")
            )
        elif worker["generation"] not in (None, newest):
            words = f"{name} runs on generation {worker['generation']}, the newest is {newest}"
            findings.append(Finding("workers", Level.WARN, words, "look for config.unusable in its log"))
    return findings or [Finding("workers", Level.OK, f"{len(alive)} alive, on generation {newest}")]


def check_supervisors(connection: Connection) -> list[Finding]:
    """Supervisors are heard of and keep as many workers ready as they should."""
    findings = []
    owners = list_supervisors(connection, list_workers(connection))
    for owner in owners:
        name = f"{owner['host']}/{owner['pid']}"
        if owner["silent"]:
            words = f"{name} was last heard of {in_words(owner['heartbeat_age_ms'])} ago"
            mend = "is the host up? `watchkeeper worker` there, or nothing when it is gone for good"
            findings.append(Finding("supervisors", Level.WARN, words, mend))
        elif owner["ready"] < owner["processes"]:
            words = f"{name} has {owner['ready']} of {owner['processes']} workers ready"
            mend = "watchkeeper workers ls --all says why others ended; after a drain: watchkeeper workers scale N"
            findings.append(Finding("supervisors", Level.WARN, words, mend))
    ready = sum(owner["ready"] for owner in owners)
    words = f"{len(owners)}, with {ready} workers ready" if owners else "none: workers were started alone"
    return findings or [Finding("supervisors", Level.OK, words)]


def check_agents(connection: Connection, client: "redis.Redis") -> list[Finding]:
    """Each agent has somebody to ask: a model of its chain whose provider has a key that is not set aside."""
    view = view_fleet(client)
    snapshot = compile_snapshot(connection, newest_generation(connection))
    findings = []
    for agent in readiness(snapshot, view.standings if view else {}, view.now_ms if view else 0):
        name = f"agent {agent.agent}"
        if not agent.candidates:
            words = "no model of its chain has a provider with a key"
            findings.append(
                Finding(name, Level.FAIL, words, "watchkeeper keys add PROVIDER, or agents edit --models")
            )
        elif not agent.ready:
            words = f"all {agent.candidates} ways to ask are set aside"
            findings.append(Finding(name, Level.FAIL, words, "watchkeeper keys ls says what to do for each key"))
        else:
            words = f"{agent.ready} of {agent.candidates} ways to ask are ready"
            findings.append(Finding(name, Level.OK, words))
    if SANDBOX in snapshot.providers:
        words = "no real key is configured: answers are made up by the sandbox"
        findings.append(Finding("sandbox", Level.WARN, words, "watchkeeper keys add PROVIDER"))
    return findings


def check_keys(connection: Connection, client: "redis.Redis") -> list[Finding]:
    """No key is set aside."""
    keys = list_keys(connection, view_fleet(client))
    aside = [key for key in keys if key.state not in (KeyState.READY, KeyState.DISABLED)]
    if aside:
        return [
            Finding("keys", Level.WARN, f"{key.label} ({key.provider}): {key.words}", _mend(key)) for key in aside
        ]
    off = sum(key.state == KeyState.DISABLED for key in keys)
    return [Finding("keys", Level.OK, f"{len(keys) - off} in use" + (f", {off} disabled" if off else ""))]


def _mend(key: KeyView) -> str:
    if key.state == KeyState.QUARANTINED:
        return f"watchkeeper keys rotate '{key.label}' (or keys release, when it is mended at the provider)"
    if key.state == KeyState.SUSPENDED:
        return f"mend it at the provider, then watchkeeper keys release '{key.label}'"
    return "nothing: it comes back by itself"


def check_environment_keys(connection: Connection, settings: Settings) -> list[Finding]:
    """What this host's environment offers, the fleet knows: only the leading scheduler's environment counts."""
    salt = connection.execute(select(installation.c.fingerprint_salt)).scalar_one()
    known = set(connection.execute(select(provider_keys.c.fingerprint)).scalars())
    try:
        offered = environment_providers(settings.environ)
    except ConfigurationError:
        return []  # told by the check of the settings
    missing = [
        variable
        for provider in offered.values()
        for variable, secret in provider.keys.items()
        if fingerprint(secret, salt) not in known
    ]
    if not missing:
        count = sum(len(provider.keys) for provider in offered.values())
        return [Finding("environment keys", Level.OK, f"{count} on this host, the fleet knows them all")]
    mend = "put them into .env where the scheduler runs, or watchkeeper keys add PROVIDER --from-env NAME"
    words = f"{', '.join(missing)} of this host are unknown to the fleet"
    return [Finding("environment keys", Level.WARN, words, mend)]
