"""Choosing is pure: the first candidate that nothing speaks against."""

from hypothesis import given
from hypothesis import strategies as st

from shared.config.snapshot import Key, Model, Provider
from shared.keystate.standing import (
    KeyState,
    Standing,
    egress_subject,
    key_model_subject,
    key_subject,
    model_subject,
    provider_subject,
)
from workers.router.pick import NoneReady, Picked, pick
from workers.router.routes import Candidate

NOW = 1_000_000


def candidate(provider: str, key: str | None, model: str) -> Candidate:
    """A way to ask, as a snapshot gives it."""
    made = Provider(provider, "openai", None, "key" if key else "none", 1)
    asked = Model(f"{provider}/{model}", provider, model, "chat")
    for_all = (model_subject(asked.id), provider_subject(provider), egress_subject("here", provider))
    if key is None:
        return Candidate(made, asked, None, None, for_all)
    name = f"{provider}-{key}"
    return Candidate(
        made,
        asked,
        Key(name, provider, "", name, "...", 1, "database"),
        None,
        (key_subject(name), key_model_subject(name, asked.id), *for_all),
    )


ALL = [candidate(p, k, m) for p in ("a", "b") for m in ("x", "y") for k in ("1", "2")] + [candidate("c", None, "z")]
SUBJECTS = sorted({subject for one in ALL for subject in one.subjects})

standings = st.dictionaries(
    st.sampled_from(SUBJECTS),
    st.builds(
        Standing,
        state=st.sampled_from([state for state in KeyState if state is not KeyState.READY]),
        until_ms=st.none() | st.integers(NOW - 50, NOW + 50),
        since_ms=st.just(0),
        strikes=st.just(1),
        cause=st.just("some cause"),
        advice=st.just(""),
    ),
)
tried = st.frozensets(st.sampled_from(SUBJECTS), max_size=4)
chains = st.lists(st.sampled_from(ALL), max_size=12)


def blocks(one: Candidate, found: dict[str, Standing]) -> list[Standing]:
    """The standings that keep a candidate out."""
    mine = [found[subject] for subject in one.subjects if subject in found]
    return [standing for standing in mine if standing.until_ms is None or standing.until_ms > NOW]


def eligible(one: Candidate, found: dict[str, Standing], gone: frozenset[str]) -> bool:
    """The rule, said once more in other words."""
    return not blocks(one, found) and not gone & {*one.subjects}


@given(chains, standings, tried)
def test_the_first_eligible_one_is_picked_and_no_other_ever_is(
    chain: list[Candidate], found: dict[str, Standing], gone: frozenset[str]
) -> None:
    chosen = pick(chain, found, tried=gone, now_ms=NOW)
    wanted = next((one for one in chain if eligible(one, found, gone)), None)
    if wanted is None:
        assert isinstance(chosen, NoneReady)
        assert len(chosen.reasons) == len(chain)
    else:
        assert chosen == Picked(wanted, tuple(subject for subject in wanted.subjects if subject in found))


@given(chains, standings, tried)
def test_the_earliest_return_is_when_the_first_of_them_has_no_block_left(
    chain: list[Candidate], found: dict[str, Standing], gone: frozenset[str]
) -> None:
    chosen = pick(chain, found, tried=gone, now_ms=NOW)
    if isinstance(chosen, Picked):
        return
    ends = [[standing.until_ms for standing in blocks(one, found)] for one in chain]
    returns = [max(end for end in mine if end is not None) for mine in ends if mine and None not in mine]
    assert chosen.returns_at_ms == min(returns, default=None)


def test_nothing_configured_is_nobody_ready_and_nobody_knows_when() -> None:
    assert pick([], {}, tried=frozenset(), now_ms=NOW) == NoneReady(None, ())
