"""What older data holds of the kind that is refused today, and taking it out."""

import json
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, select, update

from shared.db.tables import agents, jobs, llm_defaults, models, provider_keys, providers
from watchkeeper.clock import db_now
from watchkeeper.news import News
from watchkeeper.states import JobState

_AT_REST: Final = (JobState.QUEUED, JobState.WAITING, JobState.PARKED)


@dataclass(frozen=True, slots=True)
class Stain:
    """One thing found. `fixable`: taking it out leaves something that serves."""

    where: str
    words: str
    fixable: bool
    item: str


def lint(connection: Connection) -> list[Stain]:
    """Everything found, by place."""
    found = [*_chains(connection), *_defaults(connection)]
    known = set(connection.execute(select(agents.c.name)).scalars())
    found += [
        Stain(f"jobs.{row.id}", f"its agent {row.agent!r} is no longer configured", True, row.agent)
        for row in connection.execute(
            select(jobs.c.id, jobs.c.agent).where(jobs.c.state.in_(_AT_REST)).order_by(jobs.c.id)
        )
        if row.agent not in known
    ]
    return found


def fix(connection: Connection, stains: list[Stain], news: News) -> list[str]:
    """Take out what is fixable, in the caller's transaction; `tell` the `news` after the commit."""
    done: list[str] = []
    for stain in stains:
        section, _, name = stain.where.partition(".")
        if not stain.fixable:
            continue
        if section == "jobs":
            if not _fail(connection, name, stain.item):
                continue
            news.ended.append(name)
        elif section == "defaults":
            connection.execute(delete(llm_defaults).where(llm_defaults.c.purpose == name))
        else:
            _take_out(connection, section, name.rpartition(".")[0], stain.item)
        done.append(f"{stain.where}: {_DONE[section]} ({stain.words})")
    return done


_DONE: Final = {"jobs": "failed", "defaults": "cleared", "agents": "taken out"}


def _chains(connection: Connection) -> list[Stain]:
    unfit = _unfit_models(connection)
    found: list[Stain] = []
    for row in connection.execute(select(agents).order_by(agents.c.name)).mappings():
        chain: list[str] = json.loads(row["models"])
        left = [model for model in dict.fromkeys(chain) if unfit.get(model, "") is None]
        for place, model in enumerate(chain):
            words = unfit.get(model, f"there is no model {model!r}")
            if words is not None:
                words += "" if left else "; nothing else is in the chain, choose with `watchkeeper agents edit`"
                found.append(Stain(f"agents.{row['name']}.models", words, bool(left), model))
            elif model in chain[:place]:
                found.append(Stain(f"agents.{row['name']}.models", f"{model!r} stands there twice", True, model))
    return found


def _defaults(connection: Connection) -> list[Stain]:
    unfit = _unfit_models(connection)
    return [
        Stain(f"defaults.{row.purpose}", words, True, row.model)
        for row in connection.execute(select(llm_defaults).order_by(llm_defaults.c.purpose))
        if (words := unfit.get(row.model, f"there is no model {row.model!r}")) is not None
    ]


def _unfit_models(connection: Connection) -> dict[str, str | None]:
    """Why a model cannot serve; None = it can."""
    keyed = set(
        connection.execute(select(provider_keys.c.provider).where(provider_keys.c.active).distinct()).scalars()
    )
    found: dict[str, str | None] = {}
    for row in connection.execute(
        select(
            models.c.id, models.c.active, models.c.provider, providers.c.active.label("on"), providers.c.auth
        ).join(providers, providers.c.name == models.c.provider)
    ):
        words = None
        if not row.active:
            words = f"model {row.id!r} is inactive"
        elif not row.on:
            words = f"provider {row.provider} of model {row.id!r} is inactive"
        elif row.auth != "none" and row.provider not in keyed:
            words = f"provider {row.provider} of model {row.id!r} has no active key"
        found[row.id] = words
    return found


def _take_out(connection: Connection, section: str, agent: str, item: str) -> None:
    row: Any = connection.execute(select(agents).where(agents.c.name == agent)).mappings().one()
    unfit = _unfit_models(connection)
    chain = [
        model for model in dict.fromkeys(json.loads(row["models"])) if model != item or unfit.get(item, "") is None
    ]
    connection.execute(update(agents).where(agents.c.name == agent).values(models=json.dumps(chain)))


def _fail(connection: Connection, job_id: str, agent: str) -> bool:
    """As a worker would that took the job up; False when one was faster."""
    ended = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state.in_(_AT_REST))
        .values(
            state=JobState.FAILED,
            finished_at=db_now(),
            run_after=None,
            error_cause="agent_removed",
            error_message=f"the agent {agent!r} is no longer configured: add it again, then `watchkeeper jobs retry`",
        )
    ).rowcount
    return bool(ended)
