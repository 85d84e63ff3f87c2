"""One command switches agents to a model, also to one of a server at home."""

from tests.console.command_line import KEY, CommandLine


def _chains(wk: CommandLine) -> dict[str, list[str]]:
    return {row["name"]: row["chain"] for row in wk.json("agents", "ls")}


def _house(wk: CommandLine) -> None:
    wk.ok("keys", "add", "groq", "--stdin", stdin=KEY)
    wk.ok("models", "add", "groq/other")
    wk.ok("agents", "add", "support", "--models", "groq/other")


def test_a_known_server_at_home_comes_with_its_address_and_without_a_key(wk: CommandLine) -> None:
    wk.ok("providers", "add", "ollama")

    (row,) = wk.json("providers", "ls")
    assert (row["kind"], row["auth"], row["api_base"]) == ("ollama_chat", "none", "http://127.0.0.1:11434")


def test_every_agent_asks_a_local_model_first_after_one_command(wk: CommandLine) -> None:
    _house(wk)
    before = _chains(wk)

    ran = wk.ok("models", "use", "ollama/llama3.2", "--all-agents")

    assert _chains(wk) == {name: ["ollama/llama3.2", *chain] for name, chain in before.items()}
    assert "agent support now asks ollama/llama3.2 > groq/other" in ran.err
    assert wk.json("models", "use", "ollama/llama3.2", "--all-agents")["generation"] is None


def test_only_leaves_nothing_behind_it(wk: CommandLine) -> None:
    _house(wk)

    wk.ok("models", "use", "groq/other", "--all-agents", "--only")

    assert set(map(tuple, _chains(wk).values())) == {("groq/other",)}


def test_one_agent_may_be_switched_alone(wk: CommandLine) -> None:
    _house(wk)

    wk.ok("models", "use", "ollama/llama3.2", "--agent", "support", "--only")

    chains = _chains(wk)
    assert chains["support"] == ["ollama/llama3.2"]
    assert chains["default"][0].startswith("groq/")


def test_a_model_of_nobody_is_refused(wk: CommandLine) -> None:
    _house(wk)

    assert "there is no model 'nobody/llama'" in wk.refused("models", "use", "nobody/llama", "--all-agents")
    assert "there is no agent 'ghost'" in wk.refused("models", "use", "groq/other", "--agent", "ghost")
    assert wk("models", "use", "groq/other").code == 2
