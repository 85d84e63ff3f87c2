"""`.env` beneath the environment, read whole or not at all."""

from pathlib import Path

import pytest

from shared.config.environment_keys import environment_providers
from shared.environment import read_environment
from shared.errors import ConfigurationError, EnvironmentFileError
from shared.settings import load_settings


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB=file # comment\n\n# C=no\nexport D='quoted $A'\n")
    found = read_environment(tmp_path, {"A": "environment", "E": "5"})
    assert found == {"A": "environment", "B": "file", "D": "quoted $A", "E": "5"}


def test_no_file_is_no_error(tmp_path: Path) -> None:
    assert read_environment(tmp_path, {"A": "1"}) == {"A": "1"}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no equals sign\n", 1),
        ("A=1\nGROQ_API_KEY hunter2\n", 2),
        ('A=1\n\n\nB="hunter2\n', 4),
        ("A=1\nhunter2\nB=2\n", 2),
    ],
)
def test_a_broken_line_is_named_by_number_and_never_shown(text: str, line: int, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(text)
    with pytest.raises(EnvironmentFileError, match=rf"\.env, line {line}:") as raised:
        read_environment(tmp_path, {})
    assert "hunter2" not in str(raised.value)


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe")
    with pytest.raises(EnvironmentFileError, match="cannot be read"):
        read_environment(tmp_path, {})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WATCHKEEPER_WORKER_THREADS", "0"),
        ("WATCHKEEPER_WORKER_THREADS", "many"),
        ("WATCHKEEPER_WORKER_THREADS", "nan"),
        ("WATCHKEEPER_DRAIN_SECONDS", "-1"),
        ("WATCHKEEPER_DRAIN_SECONDS", "inf"),
        ("WATCHKEEPER_LOG_FORMAT", "xml"),
        ("WATCHKEEPER_LOG_LEVEL", "loud"),
        ("WATCHKEEPER_LEAN_LITELLM", "maybe"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        load_settings({name: value})


def test_settings_have_defaults_and_empty_means_not_set() -> None:
    settings = load_settings({"WATCHKEEPER_WORKER_THREADS": " ", "WATCHKEEPER_LOG_LEVEL": "DEBUG"})
    assert (settings.worker_threads, settings.drain_seconds, settings.log_level) == (200, 25, "debug")
    assert settings.lean_litellm


def test_an_empty_variable_of_the_process_wins_over_the_file_and_means_not_set(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GROQ_API_KEY=gsk-of-the-file-0001\nWATCHKEEPER_WORKER_THREADS=7\n")
    found = read_environment(tmp_path, {"GROQ_API_KEY": "", "WATCHKEEPER_WORKER_THREADS": ""})
    assert environment_providers(found) == {}
    assert load_settings(found).worker_threads == 200
