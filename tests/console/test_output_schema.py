"""`agents edit --output-schema` and `models edit --context-tokens`; an answer that was refused is shown."""

import json
from pathlib import Path

from tests.console.command_line import CommandLine


def test_a_schema_is_set_from_a_file_or_standard_input_and_taken_away(wk: CommandLine, tmp_path: Path) -> None:
    schema = {"type": "object", "required": ["city"]}
    (tmp_path / "trip.json").write_text(json.dumps(schema))
    wk.ok("agents", "edit", "default", "--output-schema", "trip.json")
    assert wk.json("agents", "show", "default")["output_schema"] == schema
    assert '"required": ["city"]' in wk.ok("agents", "show", "default").out
    assert wk.json("config", "show")["agents"][0]["output_schema"] == schema
    assert wk("agents", "edit", "default", "--output-schema", "-", stdin='{"type": "array"}').code == 0
    assert wk.json("agents", "show", "default")["output_schema"] == {"type": "array"}
    wk.ok("agents", "edit", "default", "--output-schema", "none")
    assert wk.json("agents", "show", "default")["output_schema"] is None


def test_what_is_no_schema_is_refused_with_its_place(wk: CommandLine, tmp_path: Path) -> None:
    wk.ok("agents", "edit", "default", "--max-steps", "7")
    (tmp_path / "bad.json").write_text('{"properties": {"a": {"type": "texd"}}}')
    said = wk.refused("agents", "edit", "default", "--output-schema", "bad.json")
    assert "output_schema: $.properties.a.type" in said
    (tmp_path / "no.json").write_text("{")
    assert "no.json is no JSON" in wk.refused("agents", "edit", "default", "--output-schema", "no.json", code=2)
    assert "cannot be read" in wk.refused("agents", "edit", "default", "--output-schema", "absent.json")


def test_the_context_of_a_model_is_set_and_left_to_the_list_again(wk: CommandLine) -> None:
    wk.ok("providers", "add", "ours", "--kind", "openai", "--auth", "none", "--api-base", "http://127.0.0.1:9/v1")
    wk.ok("models", "add", "ours/big", "--context-tokens", "32000")
    assert wk.json("models", "ls")[0]["context_tokens"] == 32000
    assert "context_tokens: 32000" in wk.ok("config", "show", "--yaml").out
    assert "context_tokens: 10 is not from 256" in wk.refused("models", "edit", "ours/big", "--context-tokens", "10")
    wk.ok("models", "edit", "ours/big", "--context-tokens", "none")
    assert wk.json("models", "ls")[0]["context_tokens"] is None


def test_the_text_of_a_refused_answer_is_shown(wk: CommandLine) -> None:
    [job] = wk.rows.enqueue(
        state="failed",
        error_cause="invalid_output",
        error_message="the answer does not keep to the schema",
        result=json.dumps({"text": "in Riga, I think", "model": "p/m", "cost_usd": None}),
    )
    shown = wk.ok("jobs", "show", job).out
    assert "in Riga, I think" in shown
    assert "invalid_output" in shown
