"""Asks providers whether keys are accepted: one cheap request per key, side by side, each with a hard deadline."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import httpx
from sqlalchemy import Connection, select

from shared.classification import Failure
from shared.clock import Clock, moment
from shared.db.tables import provider_keys, providers
from shared.probing import Proof, question, read_answer, read_failure, untested
from shared.secret import Secret
from shared.vault import Vault


@dataclass(frozen=True, slots=True)
class Subject:
    """A key to be tested."""

    label: str
    provider: str
    kind: str
    api_base: str | None
    mask: str
    fingerprint: str
    secret: Secret


def read_subjects(connection: Connection, vault: Vault, label: str | None) -> list[Subject]:
    """The key called `label`, or every active key of an active provider.

    Raises:
        MasterKeyError: a secret cannot be opened.
    """
    query = (
        select(provider_keys, providers.c.kind, providers.c.api_base)
        .join(providers, providers.c.name == provider_keys.c.provider)
        .order_by(providers.c.priority, provider_keys.c.provider, provider_keys.c.priority, provider_keys.c.id)
    )
    chosen = provider_keys.c.label == label if label is not None else provider_keys.c.active & providers.c.active
    return [
        Subject(
            label=row["label"],
            provider=row["provider"],
            kind=row["kind"],
            api_base=row["api_base"],
            mask=row["mask"],
            fingerprint=row["fingerprint"],
            secret=vault.open(row["sealed"]),
        )
        for row in connection.execute(query.where(chosen)).mappings()
    ]


def ask_all(subjects: Sequence[Subject], *, timeout_seconds: float, clock: Clock) -> list[Proof]:
    """One proof for each subject, in their order; done after `timeout_seconds` at the latest."""
    return asyncio.run(_ask_all(subjects, timeout_seconds, clock))


async def _ask_all(subjects: Sequence[Subject], timeout_seconds: float, clock: Clock) -> list[Proof]:
    # A redirect is not followed: it would carry the key to another address.
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(follow_redirects=False, limits=limits, timeout=None) as client:  # noqa: S113 - see _ask
        return await asyncio.gather(*(_ask(client, subject, timeout_seconds, clock) for subject in subjects))


async def _ask(client: httpx.AsyncClient, subject: Subject, timeout_seconds: float, clock: Clock) -> Proof:
    asked = question(subject.kind, subject.api_base, subject.secret)
    if asked is None:
        return untested(subject.kind)
    kind, base = subject.kind, subject.api_base or ""
    try:
        async with asyncio.timeout(
            timeout_seconds
        ):  # httpx's own limits are per read: a trickle would go on for ever
            answer = await client.get(asked.url, headers=dict(asked.headers))
    except TimeoutError:
        return read_failure(Failure(kind, kind="timeout", api_base=base), now=moment(clock.now_ms()))
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        words = f"{type(error).__name__}: {error}".replace(subject.secret.reveal(), str(subject.secret))
        failure = Failure(kind, kind="network", local_error=words, api_base=base)
        return read_failure(failure, now=moment(clock.now_ms()))
    return read_answer(kind, answer.status_code, dict(answer.headers), answer.text, now=moment(clock.now_ms()))
