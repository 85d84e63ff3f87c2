"""`providers`, `models`, `agents`, `config`: edits are published, refusals name the field and change nothing."""

from pathlib import Path

import pytest

from tests.console.command_line import CommandLine
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
    assert shown["generation"] == 3, "the default chain was that model already"
    assert shown["providers"][0]["api_base"] == "https://llm.example.com/v1"
    assert shown["models"][0]["input_usd_per_million"] == 1.5
    agents = {agent["name"]: agent for agent in shown["agents"]}
    assert agents["default"]["models"] == agents["brief"]["models"] == ["ours/big"]
    assert (agents["brief"]["system_prompt"], agents["brief"]["tools"]) == ("Be brief.", ["current_time"])
    assert [entry["generation"] for entry in wk.json("config", "history")] == [3, 2, 1]
    assert wk.json("models", "default") == {"agents": "ours/big"}

    wk.ok("agents", "edit", "brief", "--temperature", "none", "--models", "")
    brief = wk.json("agents", "show", "brief")
    assert (brief["temperature"], brief["max_tokens"], brief["models"]) == (None, 100, [])
    for command in ("providers", "models", "agents", "config"):
        wk.ok(command, "show" if command == "config" else "ls")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["agents", "add", "a", "--models", "groq/nope"], "there is no model 'groq/nope' (there is: groq/"),
        (["agents", "add", "a", "--tools", "rm"], "there is no tool 'rm' (there is: current_time)"),
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


def test_a_chain_without_a_key_is_told(wk: CommandLine) -> None:
    wk.ok("providers", "add", "mistral")

    assert "is passed over for now" in wk.ok("agents", "add", "a", "--models", "mistral/mistral-small-latest").err
