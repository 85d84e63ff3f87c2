"""`watchkeeper keys`: secrets come in safely, states are told in words, refusals change nothing."""

import pytest
from sqlalchemy import select, update

from shared.db.reading import reading
from shared.db.tables import provider_keys
from shared.redis.names import GENERATION, KEY_STATES
from tests.console.command_line import KEY, OTHER_KEY, CommandLine
from tests.console.fleet import DEAD_REDIS, add, now_ms, set_aside


def test_the_first_key_of_a_known_provider_brings_provider_and_model_and_is_published(wk: CommandLine) -> None:
    ran = wk.ok("keys", "add", "groq", "--stdin", stdin=f"{KEY}\r\n")

    assert "provider groq added" in ran.err and "model groq/llama-3.3-70b-versatile added" in ran.err
    assert "key 'Groq key 1' of groq added" in ran.err and "generation 1 is published" in ran.err
    assert KEY not in ran.err + ran.out
    assert wk.redis.get(GENERATION) == "1"
    assert wk.json("agents", "show", "default")["chain"] == ["groq/llama-3.3-70b-versatile"]


def test_a_key_comes_from_a_variable_and_never_from_an_argument(
    wk: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    assert "never taken as an argument" in wk.refused("keys", "add", "groq", KEY, code=2)
    assert KEY not in wk.refused("keys", "add", KEY, code=2)
    assert KEY not in wk.refused("keys", "add", "groq", "--label", KEY, "--stdin", stdin=KEY, code=2)
    assert "no terminal" in wk.refused("keys", "add", "groq", stdin=KEY, code=2)
    assert "NO_KEY is not set" in wk.refused("keys", "add", "groq", "--from-env", "NO_KEY")
    assert KEY not in wk.refused("keys", "add", "groq", "--from-env", KEY)
    assert "give one of them" in wk.refused("keys", "add", "groq", "--stdin", "--from-env", "MY_KEY", code=2)

    wk.ok("keys", "add", "groq", "--from-env", "MY_KEY", "--label", "Groq of the team", "--priority", "5")

    assert wk.json("keys", "ls")[0]["label"] == "Groq of the team"


@pytest.mark.parametrize("key", ["", "gsk_first\ngsk_second", "gsk with space", "gsk_ключ"])
def test_what_cannot_be_a_key_is_refused_without_showing_it(wk: CommandLine, key: str) -> None:
    said = wk.refused("keys", "add", "groq", "--stdin", stdin=key)

    assert said.startswith("watchkeeper: key: ")
    assert not key or key not in said


def test_a_key_that_is_there_already_is_refused_with_its_label(wk: CommandLine) -> None:
    add(wk, "--label", "The one")

    assert "it is 'The one' of groq" in wk.refused("keys", "add", "groq", "--stdin", stdin=KEY)
    assert "it is 'The one' of groq" in wk.refused("keys", "add", "openai", "--stdin", stdin=KEY)
    assert "already: choose another" in wk.refused(
        "keys", "add", "groq", "--stdin", "--label", "The one", stdin="gsk_x"
    )
    assert "of the environment are called" in wk.refused(
        "keys", "add", "groq", "--stdin", "--label", "GROQ_API_KEY_1", stdin="gsk_x"
    )


def test_unknown_names_list_what_there_is(wk: CommandLine) -> None:
    add(wk)

    assert "there is no provider 'grok' (there is: groq)" in wk.refused(
        "keys", "add", "grok", "--stdin", stdin="k" * 20
    )
    assert "there is no key 'Groq key 9' (there is: Groq key 1)" in wk.refused("keys", "remove", "Groq key 9")


def test_a_wrong_master_key_is_told_and_nothing_is_stored(wk: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    add(wk)
    monkeypatch.setenv("WATCHKEEPER_MASTER_KEY", "A" * 43 + "=")

    assert "does not open the stored secrets" in wk.refused("keys", "add", "groq", "--stdin", stdin=OTHER_KEY)


def test_states_are_told_in_words_and_release_lifts_them(wk: CommandLine) -> None:
    add(wk)
    fingerprint = wk.json("keys", "ls")[0]["fingerprint"]
    set_aside(wk, fingerprint, until_ms=now_ms(wk.redis) + 240_500)
    set_aside(wk, fingerprint, until_ms=now_ms(wk.redis) + 240_500, model="groq/x")
    [waiting] = wk.rows.enqueue(state="waiting", yields=1, run_after=2**45)
    [later] = wk.rows.enqueue(state="waiting", run_after=2**45)

    told = wk.ok("keys", "ls").out
    assert "quarantined for 4 min (auth_invalid, 2 times in a row): the provider rejected it" in told

    assert "back in use" in wk.ok("keys", "release", "Groq key 1").err
    assert wk.redis.hgetall(KEY_STATES) == {}
    assert wk.json("keys", "ls")[0]["words"] == "ready"
    assert wk.rows.job(waiting)["run_after"] < 2**45, "it waited for keys"
    assert wk.rows.job(later)["run_after"] == 2**45, "its backend wanted it later"
    assert "was not set aside" in wk.ok("keys", "release", "Groq key 1").err


def test_a_key_whose_time_aside_is_over_is_ready_to_be_tried(wk: CommandLine) -> None:
    add(wk)
    fingerprint = wk.json("keys", "ls")[0]["fingerprint"]
    set_aside(wk, fingerprint, until_ms=1)
    set_aside(wk, fingerprint, until_ms=now_ms(wk.redis) + 9_000, model="groq/x")

    [key] = wk.json("keys", "ls")

    assert key["state"] == "ready"
    assert key["words"].startswith("ready to be tried again (was quarantined: auth_invalid); not with groq/x: ")


def test_rotation_makes_a_new_key_of_it(wk: CommandLine) -> None:
    add(wk)
    before = wk.json("keys", "ls")[0]
    assert "this very secret already" in wk.refused("keys", "rotate", "Groq key 1", "--stdin", stdin=KEY)

    wk.ok("keys", "rotate", "Groq key 1", "--stdin", stdin=OTHER_KEY)

    after = wk.json("keys", "ls")[0]
    assert after["fingerprint"] != before["fingerprint"] and after["mask"] == "gsk_ponm...3210"
    assert wk.redis.get(GENERATION) == "2"


def test_disabled_keys_are_out_of_the_snapshot_until_enabled(wk: CommandLine) -> None:
    add(wk)

    wk.ok("keys", "disable", "Groq key 1")
    assert wk.json("config", "show")["keys"] == []
    assert wk.json("keys", "ls")[0]["state"] == "disabled"

    wk.ok("keys", "enable", "Groq key 1")
    shown = wk.json("config", "show")
    assert [key["label"] for key in shown["keys"]] == ["Groq key 1"]
    assert "sealed" not in shown["keys"][0]


def test_labels_and_priorities_change_and_keys_go(wk: CommandLine) -> None:
    add(wk)
    add(wk, key=OTHER_KEY)

    wk.ok("keys", "edit", "Groq key 2", "--label", "First", "--priority", "1")
    assert [key["label"] for key in wk.json("keys", "ls")] == ["First", "Groq key 1"]
    assert "nothing to change" in wk.refused("keys", "edit", "First")

    wk.ok("keys", "remove", "First")
    assert [key["label"] for key in wk.json("keys", "ls")] == ["Groq key 1"]


def test_a_key_of_the_environment_is_changed_there_or_taken_over(wk: CommandLine) -> None:
    add(wk)
    with wk.engine.begin() as connection:
        connection.execute(update(provider_keys).values(source="environment", label="GROQ_API_KEY"))

    for command in (["remove"], ["edit", "--priority", "1"]):
        said = wk.refused("keys", command[0], "GROQ_API_KEY", *command[1:])
        assert "change GROQ_API_KEY there or in .env" in said
    assert "change GROQ_API_KEY" in wk.refused("keys", "rotate", "GROQ_API_KEY", "--stdin", stdin=OTHER_KEY)

    assert "it replaces GROQ_API_KEY of the environment" in wk.ok("keys", "add", "groq", "--stdin", stdin=KEY).err
    with reading(wk.engine) as connection:
        found = connection.execute(select(provider_keys.c.label, provider_keys.c.source)).all()
    assert found == [("Groq key 1", "database")]


def test_without_redis_keys_are_stored_and_their_state_is_unknown(
    wk: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", DEAD_REDIS)

    assert "generation 1 is stored; Redis is away" in wk.ok("keys", "add", "groq", "--stdin", stdin=KEY).err
    assert wk.json("keys", "ls")[0]["state"] == "unknown"
    assert "127.0.0.1:1" in wk.refused("keys", "release", "Groq key 1", code=3)
