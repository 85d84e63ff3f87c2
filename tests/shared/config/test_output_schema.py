"""Output schemas: refused with the place of the error when they are edited; nothing is ever fetched."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, select

from shared.config.document import current_document, difference, snapshot_document
from shared.config.editing_agents import add_agent, edit_agent
from shared.config.output_schema import MAX_SCHEMA_BYTES, check_output_schema
from shared.config.publishing import publish
from shared.config.reading_yaml import read_document
from shared.config.snapshot import Snapshot
from shared.db.reading import reading
from shared.db.tables import agents
from shared.errors import ConfigurationError

GOOD = {
    "type": "object",
    "properties": {"next": {"$ref": "#"}, "city": {"$ref": "#/$defs/name"}},
    "$defs": {"name": {}},
}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ("text", "must be a JSON schema"),
        ([], "must be a JSON schema"),
        ({"type": "objekt"}, "$.type"),
        ({"properties": {"a": {"minimum": "1"}}}, "$.properties.a.minimum"),
        ({"properties": {"a": {"pattern": "("}}}, "$.properties.a.pattern"),
        ({"$ref": "https://example.com/schema.json"}, "nothing is fetched"),
        ({"items": [{"$ref": "file:///etc/passwd"}]}, "$.items"),
        ({"properties": {"a": {"$ref": "other.json#/a"}}}, "$.properties.a.$ref"),
        ({"properties": {"a": {"$id": "https://example.com/a"}}}, "$.properties.a.$id"),
        ({"$dynamicRef": "#node"}, "nothing is fetched"),
        ({"$ref": "#/$defs/absent"}, "there is no '#/$defs/absent'"),
        ({"$ref": "#"}, "without end"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "2020-12"),
        ({"description": "x" * MAX_SCHEMA_BYTES}, "at most"),
        ({"const": float("nan")}, "no JSON"),
        ({"const": {1, 2}}, "no JSON"),
    ],
)
def test_what_is_no_usable_schema_is_refused_with_its_place(schema: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^output_schema: ") as refused:
        check_output_schema("output_schema", schema)
    assert words in str(refused.value)


@pytest.mark.parametrize("schema", [{}, GOOD, {"$id": "https://example.com/mine", "type": "array"}, {"enum": [1, 2]}])
def test_a_schema_that_is_whole_in_itself_is_taken(schema: dict[str, Any]) -> None:
    assert check_output_schema("output_schema", schema) == schema


def test_it_goes_through_table_snapshot_and_file_unchanged_and_can_be_taken_away(engine: Engine) -> None:
    with engine.begin() as connection:
        add_agent(connection, "typed", {"output_schema": GOOD})
        snapshot = publish(connection, author="test", comment="", force=True)
        assert snapshot is not None
        again = Snapshot.from_json(snapshot.generation, snapshot.to_json())
        assert (again, again.digest) == (snapshot, snapshot.digest)
        assert json.loads(again.agents["typed"].output_schema or "") == GOOD
        document = current_document(connection)
        assert document["agents"]["typed"]["output_schema"] == GOOD
        assert difference(snapshot_document(snapshot), document) == []
        edit_agent(connection, "typed", {"output_schema": None})
        assert "output_schema" not in current_document(connection)["agents"]["typed"]
    with reading(engine) as connection:
        assert connection.execute(select(agents.c.output_schema).where(agents.c.name == "typed")).scalar() is None


def test_a_snapshot_of_before_is_read_and_means_the_same() -> None:
    snapshot = Snapshot(1)
    content = json.loads(snapshot.to_json())
    content["models"] = [{"id": "p/m", "provider": "p", "remote_name": "m", "type": "chat"}]
    assert Snapshot.from_json(1, json.dumps(content)).models["p/m"].context_tokens is None


def test_a_file_holds_the_schema_as_a_mapping() -> None:
    text = "agents:\n  a:\n    output_schema:\n      type: object\n  b:\n    output_schema: text\n"
    document, problems = read_document(text)
    assert document.sections["agents"]["a"] == {"output_schema": {"type": "object"}}
    assert problems.found == [("agents.b.output_schema", "must be a mapping or null, not text")]
