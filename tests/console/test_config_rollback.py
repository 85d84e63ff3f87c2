"""`config rollback` and `config lint`: back to what was, and rid of what older data holds."""

import json

from sqlalchemy import insert, update

from shared.db.tables import agents, llm_defaults, models
from tests.console.command_line import OTHER_KEY, CommandLine
from tests.console.fleet import add

MODEL = "groq/llama-3.3-70b-versatile"


def test_a_rollback_brings_back_secrets_chains_and_defaults_as_a_new_generation(wk: CommandLine) -> None:
    add(wk)
    wk.ok("agents", "add", "a", "--models", MODEL, "--temperature", "0.5")
    wk.ok("models", "default", MODEL)
    (then,) = wk.json("keys", "ls")
    good = wk.json("config", "show")
    wk.ok("keys", "rotate", "Groq key 1", "--stdin", stdin=OTHER_KEY)
    wk.ok("keys", "edit", "Groq key 1", "--label", "Renamed")
    wk.ok("agents", "remove", "a")
    wk.ok("models", "default", "--clear")
    wk.ok("keys", "add", "mistral", "--stdin", stdin="mistral-0123456789abcdef")
    wk.ok("agents", "add", "b", "--models", "mistral/mistral-small-latest")

    assert wk.json("config", "rollback", str(good["generation"]), "--dry-run")["would"][0] == "back to generation 3"
    wk.ok("config", "rollback", str(good["generation"]))

    now = wk.json("config", "show")
    assert now["generation"] == good["generation"] + 7
    assert {**now, "generation": 0} == {**good, "generation": 0}
    assert wk.json("config", "diff", str(good["generation"])) == []
    assert "- agents.a" in wk.json("config", "diff", str(good["generation"]), str(now["generation"] - 1))
    keys = {key["label"]: (key["fingerprint"], key["active"]) for key in wk.json("keys", "ls")}
    assert keys["Groq key 1"] == (then["fingerprint"], True)
    assert keys["Mistral key 1"][1] is False, "switched off, not deleted"
    assert wk.json("agents", "show", "default")["models"] == [], "it is on the defaults, as it was"
    assert "there is no generation 99" in wk.refused("config", "rollback", "99")


def test_a_rollback_to_what_nobody_could_serve_needs_force(wk: CommandLine) -> None:
    add(wk)
    wk.ok("agents", "add", "a")
    wk.ok("keys", "remove", "Groq key 1", "--force")
    add(wk)

    assert "agents.a: nobody could serve it" in wk.refused("config", "rollback", "3")
    wk.ok("config", "rollback", "3", "--force")


def test_lint_finds_and_takes_out_what_older_data_refers_to(wk: CommandLine) -> None:
    add(wk)
    wk.ok("providers", "add", "mistral")
    assert wk.json("config", "lint") == []
    with wk.engine.begin() as connection:
        for name, chain in {
            "a": ["groq/gone", MODEL, MODEL, "mistral/mistral-small-latest"], "b": ["groq/gone"],
        }.items():  # fmt: skip
            connection.execute(insert(agents).values(name=name, models=json.dumps(chain), tools='["rm"]'))
        connection.execute(insert(llm_defaults).values(purpose="chat", model="mistral/mistral-small-latest"))
        connection.execute(update(models).where(models.c.provider == "mistral").values(active=False))
    (job,) = wk.rows.enqueue(agent="nobody", state="waiting")
    (fine,) = wk.rows.enqueue(agent="a")

    ran = wk("config", "lint")
    assert ran.code == 1
    for words in ("there is no model 'groq/gone'", "stands there twice", "is inactive", job):
        assert words in ran.out
    fixed = wk("config", "lint", "--fix")

    assert fixed.code == 1, "agent b would be left with nothing: that is for a person to decide"
    assert f"jobs.{job}: failed" in fixed.err
    assert json.loads(wk("config", "lint", "--json").out)[0]["where"] == "agents.b.models"
    assert wk.json("agents", "show", "a")["models"] == [MODEL]
    assert (wk.rows.job(job)["state"], wk.rows.job(job)["error_cause"]) == ("failed", "agent_removed")
    assert wk.rows.job(fine)["state"] == "queued"
    wk.ok("agents", "edit", "b", "--models", MODEL)
    wk.ok("config", "lint")
