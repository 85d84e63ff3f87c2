"""`config apply`, `diff`, `show --yaml`: a file makes the configuration; what is wrong is listed."""

from pathlib import Path

import pytest
import yaml

from tests.console.command_line import KEY, OTHER_KEY, CommandLine
from tests.console.fleet import add

MODEL = "groq/llama-3.3-70b-versatile"

WHOLE = f"""
providers:
  groq: {{priority: 5}}
  ours: {{kind: openai, api_base: "https://llm.example.com/v1", auth: none}}
keys:
  Team key: {{provider: groq, from_env: TEAM_KEY}}
models:
  {MODEL}:
  ours/big: {{input_usd_per_million: 1.5}}
defaults: {{agents: ours/big}}
agents:
  brief: {{system_prompt: Be brief., models: [{MODEL}, ours/big], temperature: 0.5, tools: [current_time]}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file to apply."""
    return tmp_path / "config.yaml"


def test_a_file_makes_the_configuration_and_what_is_shown_applies_without_a_change(
    wk: CommandLine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_KEY", KEY)
    file.write_text(WHOLE)
    assert "would: provider groq added" in wk.ok("config", "apply", "-f", str(file), "--dry-run").err
    assert wk.json("providers", "ls") == []
    wk.ok("config", "apply", "-f", str(file))

    shown = wk.ok("config", "show", "--yaml").out
    assert KEY not in shown
    assert yaml.safe_load(shown)["keys"] == {"Team key": {"provider": "groq"}}
    agents = {agent["name"]: agent["models"] for agent in wk.json("config", "show")["agents"]}
    assert agents == {"brief": [MODEL, "ours/big"], "default": ["ours/big", MODEL]}

    file.write_text(shown)
    assert wk.json("config", "diff", str(file)) == []
    before = wk.picture()
    assert "nothing differs" in wk.ok("config", "apply", "-f", str(file)).err
    assert wk.picture() == before


def test_a_section_that_is_there_is_complete_and_another_one_is_left_alone(wk: CommandLine, file: Path) -> None:
    add(wk)
    wk.ok("agents", "add", "old")
    file.write_text("agents:\n  new: {max_steps: 3}\n")

    assert wk.json("config", "diff", str(file)) == [
        "- agents.default",
        '+ agents.new: {"max_steps": 3}',
        "- agents.old",
    ]
    wk.ok("config", "apply", "-f", str(file))

    assert [agent["name"] for agent in wk.json("agents", "ls")] == ["default", "new"]
    assert len(wk.json("keys", "ls")) == 1


def test_everything_that_is_wrong_is_listed_at_once_with_line_and_path(wk: CommandLine, file: Path) -> None:
    add(wk)
    file.write_text(
        "providers:\n  groq: {}\n  mine: {auth: perhaps}\n"
        "keys:\n  Groq key 1: {priority: high}\n  Mine: {provider: groq}\n"
        "agents:\n  researcher:\n    temperature: hot\n    max_steps: 0\n    models: [groq/nope]\n    colour: red\n"
        "surprise: 1\n"
    )

    said = wk.refused("config", "apply", "-f", str(file))

    for words in (
        "line 3: providers.mine",
        "line 5: keys.Groq key 1.priority: must be a whole number, not text",
        "line 6: keys.Mine: is not stored here",
        "line 9: agents.researcher.temperature: must be a number or null, not text",
        "line 10: agents.researcher.max_steps: 0 is not from 1 to 1000",
        "line 11: agents.researcher.models[0]: there is no model 'groq/nope'",
        "line 12: agents.researcher.colour: is no field",
        "line 13: surprise: is no section",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a [x]\nb: *a\n", "line 2: not readable as YAML: aliases"),
        ("agents: [\n", "not readable as YAML"),
        ("[" * 5000, "not readable as YAML"),
        ("x" * 1_000_001, "is larger than"),
        ("- a\n", "must hold the sections"),
        ("agents:\n  a: {}\n  a: {}\n", "line 3: agents.a: stands there twice"),
        ("agents:\n  1: {}\n", "the name must be text"),
        ("agents: !!python/object:os.system {}\n", "line 1: agents: has a tag"),
        ("keys:\n  A: gsk_secret_0001\n", "keys.A: must be fields with their values, not text"),
        ("generation: soon\n", "generation: must be a whole number"),
        ("providers:\n  a: {priority: 2001-99-99}\n", "put it in quotes"),
    ],
)  # fmt: skip
def test_an_unreadable_file_is_refused_in_words(wk: CommandLine, file: Path, text: str, words: str) -> None:
    file.write_text(text)

    said = wk.refused("config", "apply", "-f", str(file))

    assert words in said
    assert "gsk_secret" not in said


def test_a_file_made_for_an_older_generation_is_refused_and_shows_what_changed(wk: CommandLine, file: Path) -> None:
    add(wk)
    file.write_text(wk.ok("config", "show", "--yaml").out)
    wk.ok("providers", "edit", "groq", "--priority", "7")

    said = wk.refused("config", "apply", "-f", str(file))

    assert "made for generation 1, the newest is 2" in said
    assert "providers.groq.priority: 100 -> 7" in said
    assert "the newest is 2" in wk.refused("config", "apply", "-f", str(file), "--expect-generation", "3")
    wk.ok("config", "apply", "-f", str(file), "--expect-generation", "2")


def test_from_env_replaces_a_secret_and_force_takes_the_last_key(
    wk: CommandLine, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(wk)
    wk.ok("agents", "add", "a")
    monkeypatch.setenv("NEW_ONE", OTHER_KEY)
    file.write_text("keys:\n  Groq key 1: {from_env: NEW_ONE}\n")
    assert "rotated" in wk.ok("config", "apply", "-f", str(file)).err
    assert "nothing differs" in wk.ok("config", "apply", "-f", str(file)).err

    file.write_text("keys: {}\n")
    assert "--force" in wk.refused("config", "apply", "-f", str(file))
    assert "nobody can serve agent a now" in wk.ok("config", "apply", "-f", str(file), "--force").err
