"""People and the environment configure the same tables: who wins, and who says so."""

import pytest
from sqlalchemy import Connection, Engine, select

from shared.config.compiling import compile_snapshot
from shared.config.editing_keys import add_key, set_key_active
from shared.config.editing_models import edit_model, remove_model
from shared.config.editing_providers import add_provider, edit_provider, remove_provider
from shared.config.environment_keys import environment_providers
from shared.config.environment_sync import Sealer, sync_environment
from shared.db.tables import models, providers
from shared.errors import ConfigurationError

SANDBOX = {"SANDBOX_API_KEY": "sandbox-key-1", "SANDBOX_API_BASE": "http://127.0.0.1:9/openai/v1"}
GROQ = {"GROQ_API_KEY": "gsk_0123456789abcdefghijklmnop"}


def sync(connection: Connection, sealer: Sealer, environ: dict[str, str]) -> None:
    sync_environment(connection, environment_providers(environ), sealer)


def source(connection: Connection, name: str) -> str:
    found: str = connection.execute(select(providers.c.source).where(providers.c.name == name)).scalar_one()
    return found


def test_the_first_real_key_retires_the_sandbox_at_once(engine: Engine, sealer: Sealer) -> None:
    with engine.begin() as connection:
        sync(connection, sealer, SANDBOX)
        done = add_key(connection, sealer, "groq", GROQ["GROQ_API_KEY"])

        assert "the sandbox provider is out of use: its answers were made up" in done
        assert list(compile_snapshot(connection, 1).providers) == ["groq"]
        sync(connection, sealer, SANDBOX)
        assert list(compile_snapshot(connection, 1).providers) == ["groq"]


def test_a_provider_of_the_environment_is_edited_into_the_database_and_keeps_its_fields(
    engine: Engine, sealer: Sealer
) -> None:
    with engine.begin() as connection:
        sync(connection, sealer, GROQ)
        edit_provider(connection, "groq", {"api_base": "https://proxy.example.com"})
        assert source(connection, "groq") == "database"

        sync(connection, sealer, GROQ)

        assert compile_snapshot(connection, 1).providers["groq"].api_base == "https://proxy.example.com"


def test_what_the_environment_gives_is_not_removed_here(engine: Engine, sealer: Sealer) -> None:
    with engine.begin() as connection:
        sync(connection, sealer, GROQ)
        with pytest.raises(ConfigurationError, match=r"remove GROQ_API_KEY there \(or in \.env\)"):
            remove_provider(connection, "groq")
        edit_provider(connection, "groq", {"priority": 1})
        with pytest.raises(ConfigurationError, match="remove GROQ_API_KEY there"):
            remove_provider(connection, "groq")
        model = connection.execute(select(models.c.id)).scalar_one()
        with pytest.raises(ConfigurationError, match="--inactive"):
            remove_model(connection, model)

        edit_model(connection, model, {"active": False})

        assert compile_snapshot(connection, 1).models == {}


def test_a_disabled_key_of_the_environment_stays_disabled(engine: Engine, sealer: Sealer) -> None:
    with engine.begin() as connection:
        sync(connection, sealer, GROQ)
        set_key_active(connection, "GROQ_API_KEY", active=False)

        sync(connection, sealer, GROQ)

        assert compile_snapshot(connection, 1).keys == ()


def test_a_taken_over_key_stays_when_the_variable_goes(engine: Engine, sealer: Sealer) -> None:
    with engine.begin() as connection:
        sync(connection, sealer, GROQ)
        add_key(connection, sealer, "groq", GROQ["GROQ_API_KEY"], label="Mine")

        sync(connection, sealer, {})

        assert [key.label for key in compile_snapshot(connection, 1).keys] == ["Mine"]
        assert source(connection, "groq") == "database"


def test_adding_a_provider_that_is_known_fills_in_what_is_known(engine: Engine) -> None:
    with engine.begin() as connection:
        done = add_provider(connection, "together", {"priority": 7})
        provider = compile_snapshot(connection, 1).providers["together"]

    assert (provider.kind, provider.auth, provider.priority) == ("together_ai", "key", 7)
    assert len(done) == 2
