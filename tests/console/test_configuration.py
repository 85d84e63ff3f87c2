"""`providers`, `models`, `agents`, `config`: edits are published, refusals name the field and change nothing."""

from pathlib import Path

import pytest

from tests.console.command_line import KEY, CommandLine
from tests.console.fleet import add


def test_an_own_provider_with_its_model_and_agent(wk: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "prompt.txt").write_text("Be brief.", encoding="utf-8")
    wk.ok(
        "providers", "add", "ours", "--kind", "openai", "--api-base", "https://llm.example.com/v1/", "--auth", "none"
    )
    wk.ok("models", "add", "ours/big", "--input-price", "1.5", "--output-price", "none")
    wk.ok("models", "default", "ours/big")
    wk.ok(
        "agents", "add", "brief", "--models", "ours/big", "--system-prompt", "@prompt.txt", "--temperature", "0.5",
        "--max-tokens", "100", "--tools", "current_time", "--on-outage", "fail",
    )  # fmt: skip

    shown = wk.json("config", "show")
    assert shown["generation"] == 4
    assert shown["providers"][0]["api_base"] == "https://llm.example.com/v1"
    assert shown["models"][0]["input_usd_per_million"] == 1.5
    agents = {agent["name"]: agent for agent in shown["agents"]}
    assert agents["default"]["models"] == agents["brief"]["models"] == ["ours/big"]
    assert (agents["brief"]["system_prompt"], agents["brief"]["tools"]) == ("Be brief.", ["current_time"])
    assert [entry["generation"] for entry in wk.json("config", "history")] == [4, 3, 2, 1]
    assert wk.json("models", "default") == {"agents": "ours/big"}

    wk.ok("agents", "edit", "brief", "--temperature", "none", "--models", "")
    brief = wk.json("agents", "show", "brief")
    assert (brief["temperature"], brief["max_tokens"], brief["models"]) == (None, 100, [])
    for command in ("providers", "models", "agents", "config"):
        wk.ok(command, "show" if command == "config" else "ls")


def test_a_tool_that_is_not_built_in_is_accepted_and_told(wk: CommandLine) -> None:
    add(wk)
    ran = wk("agents", "add", "a", "--tools", "current_time,mine")
    assert ran.code == 0
    assert "tool 'mine' is not built in" in ran.err
    assert wk.json("agents", "show", "a")["tools"] == ["current_time", "mine"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["agents", "add", "a", "--models", "groq/nope"], "there is no model 'groq/nope' (there is: groq/"),
        (["agents", "add", "a", "--temperature", "3"], "temperature: 3 is not from 0 to 2"),
        (["agents", "add", "a", "--temperature", "nan"], "temperature: nan is not from 0 to 2"),
        (["agents", "add", "a b"], "name: 'a b' is not a name"),
        (["agents", "add", "default"], "agent 'default' is there already"),
        (["agents", "edit", "nobody", "--max-steps", "3"], "there is no agent 'nobody' (there is: default)"),
        (["agents", "edit", "default"], "nothing to change"),
        (["agents", "remove", "default"], "always exists"),
        (["agents", "show", "nobody"], "there is no agent 'nobody'"),
        (["models", "add", "nope/x"], "there is no provider 'nope' (there is: groq)"),
        (["models", "add", "x"], "--provider"),
        (["models", "edit", "nope", "--inactive"], "there is no model 'nope'"),
        (["models", "default", "nope"], "there is no model 'nope'"),
        (["models", "add", "groq/y", "--input-price", "-1"], "input_usd_per_million: -1 is not from 0"),
        (["providers", "add", "groq"], "provider 'groq' is there already"),
        (["providers", "add", "ours"], "kind: 'ours' is not a provider we know"),
        (["providers", "add", "ours", "--kind", "openai", "--api-base", "ftp://x"], "api_base: must be a URL"),
        (["providers", "edit", "groq", "--api-base", "http://u:p@x"], "must not hold a user or password"),
        (["providers", "edit", "nope", "--priority", "1"], "there is no provider 'nope' (there is: groq)"),
    ],
)
def test_a_wrong_edit_names_the_field_and_changes_nothing(wk: CommandLine, arguments: list[str], words: str) -> None:
    add(wk)

    assert words in wk.refused(*arguments)


def test_what_is_referred_to_stays(wk: CommandLine) -> None:
    add(wk)
    model = "groq/llama-3.3-70b-versatile"
    wk.ok("agents", "add", "a", "--models", model)
    wk.ok("models", "default", model, "--for", "chat")

    for command in (["providers", "remove", "groq"], ["models", "remove", model]):
        assert "in use by agent 'a', the default for chat" in wk.refused(*command)

    wk.ok("agents", "remove", "a")
    wk.ok("models", "default", "--clear", "--for", "chat")
    assert "with 1 keys and 1 models" in wk.ok("providers", "remove", "groq").err


def test_an_edit_that_changes_nothing_for_the_workers_publishes_nothing(wk: CommandLine) -> None:
    add(wk)

    assert "unchanged" in wk.ok("providers", "edit", "groq", "--active").err
    assert wk.json("config", "show")["generation"] == 1


def test_a_chain_with_a_model_whose_provider_has_no_key_is_refused(wk: CommandLine) -> None:
    add(wk)
    wk.ok("providers", "add", "mistral")
    chain = "groq/llama-3.3-70b-versatile,mistral/mistral-small-latest"

    said = wk.refused("agents", "add", "a", "--models", chain)

    assert (
        "agents.a.models: mistral/mistral-small-latest has no credentials: provider mistral has no active key" in said
    )
    assert "--force" not in said


def test_an_agent_that_nobody_could_serve_is_refused_and_default_waits_for_the_first_key(wk: CommandLine) -> None:
    wk.ok("providers", "add", "groq")

    assert "agents.a: nobody could serve it" in wk.refused("agents", "add", "a")
    assert "stands there twice" in wk.refused(
        "agents", "edit", "default", "--models", ",".join(["groq/llama-3.3-70b-versatile"] * 2)
    )


def test_taking_the_last_key_away_is_refused_unless_it_is_forced_and_then_names_who_parks(wk: CommandLine) -> None:
    add(wk)
    wk.ok("agents", "add", "a", "--models", "groq/llama-3.3-70b-versatile")
    for command in (
        ["keys", "disable", "Groq key 1"],
        ["keys", "remove", "Groq key 1"],
        ["providers", "edit", "groq", "--inactive"],
        ["models", "edit", "groq/llama-3.3-70b-versatile", "--inactive"],
    ):
        said = wk.refused(*command)
        assert "agents.a: nobody could serve it" in said
        assert "with --force it is published all the same" in said

    forced = wk.ok("keys", "disable", "Groq key 1", "--force")

    assert "nobody can serve agent a now: its jobs park" in forced.err
    wk.ok("agents", "edit", "a", "--temperature", "1")  # an older fault hinders nothing else
    wk.ok("keys", "enable", "Groq key 1")


def test_an_edit_says_how_many_workers_run_on_it_and_names_the_late_ones(wk: CommandLine) -> None:
    assert "is published; no worker is alive" in wk.ok("keys", "add", "groq", "--stdin", stdin=KEY).err
    wk.rows.incarnation("starting", pid=10)
    wk.rows.incarnation("gone", pid=11, generation=1, ended_at=1)
    assert "generation 2 is in force on 1 of 1 workers" in wk.ok("providers", "edit", "groq", "--priority", "7").err

    wk.rows.incarnation("late", pid=12, generation=2)
    ran = wk("providers", "edit", "groq", "--priority", "8", "--json")

    assert ran.code == 4
    assert (ran.data["generation"], ran.data["rung"]) == (3, True)
    assert ran.data["acknowledged"]["late"] == [{"host": "here", "pid": 12, "generation": 2}]
    wk.rows.change_incarnation("late", generation=99)  # from before the database was restored
    assert "late: here/12 (generation 99)" in wk("providers", "edit", "groq", "--priority", "9").err
