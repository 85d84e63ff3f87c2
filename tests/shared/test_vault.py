"""Secrets at rest: sealed by the first master key, opened by all, named by fingerprint."""

import subprocess
import sys
from pathlib import Path

import pytest

from shared.errors import MasterKeyError
from shared.secret import Secret
from shared.vault import Vault, fingerprint, load_vault
from tests.configured import MASTER_KEY

OTHER_KEY = "b3RoZXItbWFzdGVyLWtleS1vZi1hbm90aGVyLWhvdXM="


def test_what_is_sealed_is_opened_and_not_readable_in_between() -> None:
    vault = Vault([MASTER_KEY])
    sealed = vault.seal(Secret("the secret"))
    assert sealed.startswith("wk1:")
    assert "the secret" not in sealed
    assert vault.open(sealed) == Secret("the secret")


def test_after_a_rotation_old_secrets_open_and_new_ones_need_the_new_key() -> None:
    old = Vault([OTHER_KEY]).seal(Secret("old"))
    rotated = Vault([MASTER_KEY, OTHER_KEY])
    assert rotated.open(old).reveal() == "old"
    new = rotated.seal(Secret("new"))
    assert Vault([MASTER_KEY]).open(new).reveal() == "new"
    with pytest.raises(MasterKeyError, match="WATCHKEEPER_MASTER_KEY"):
        Vault([OTHER_KEY]).open(new)


@pytest.mark.parametrize("damaged", ["", "plain text", "wk9:abc", "wk1:", "wk1:gAAAA", "wk1:\u00e4"])
def test_damaged_text_is_told_and_never_shown(damaged: str) -> None:
    with pytest.raises(MasterKeyError) as raised:
        Vault([MASTER_KEY]).open(damaged)
    assert not damaged or damaged not in str(raised.value)


@pytest.mark.parametrize("key", ["", "short", "x" * 44, "not base64 at all, but rather long for a key!!"])
def test_a_malformed_master_key_is_told_with_the_command_that_makes_one(key: str) -> None:
    with pytest.raises(MasterKeyError, match="urlsafe_b64encode"):
        Vault([key])


def test_the_check_tells_a_wrong_master_key() -> None:
    check = Vault([MASTER_KEY]).seal_check()
    Vault([MASTER_KEY]).verify(check)
    with pytest.raises(MasterKeyError):
        Vault([OTHER_KEY]).verify(check)
    with pytest.raises(MasterKeyError, match="damaged"):
        Vault([MASTER_KEY]).verify(Vault([MASTER_KEY]).seal(Secret("something else")))


def test_a_fingerprint_names_the_secret_under_the_salt_and_tells_nothing() -> None:
    name = fingerprint(Secret("sk-abcdefgh"), "salt")
    assert name == fingerprint(Secret("sk-abcdefgh"), "salt")
    assert len({name, fingerprint(Secret("sk-abcdefgi"), "salt"), fingerprint(Secret("sk-abcdefgh"), "other")}) == 3
    assert len(name) == 20


def test_the_embedded_installation_makes_its_key_once_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = load_vault({}, home, embedded=True)
    sealed = first.seal(Secret("s"))
    assert load_vault({}, home, embedded=True).open(sealed).reveal() == "s"
    assert (home / "master.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["master.key"]


def test_processes_that_start_at_the_same_moment_agree_on_one_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from shared.vault import load_vault;"
        "from shared.secret import Secret; sys.stdin.read();"
        "print(load_vault({}, Path(sys.argv[1]), embedded=True).seal(Secret('s')))"
    )
    command = [sys.executable, "-P", "-c", program, str(tmp_path / "home")]
    started = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    sealed = [process.communicate()[0].strip() for process in started]
    vault = load_vault({}, tmp_path / "home", embedded=True)
    assert [vault.open(text).reveal() for text in sealed] == ["s"] * 4


def test_production_without_a_key_refuses_to_start_and_names_both_places(tmp_path: Path) -> None:
    with pytest.raises(MasterKeyError, match=r"WATCHKEEPER_MASTER_KEY.*master\.key") as raised:
        load_vault({}, tmp_path, embedded=False)
    assert "python3 -c" in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.write_text(MASTER_KEY)
    path.chmod(0o640)
    with pytest.raises(MasterKeyError, match="chmod 600"):
        load_vault({}, tmp_path, embedded=True)
    path.chmod(0o600)
    load_vault({}, tmp_path, embedded=False)


def test_the_environment_wins_over_the_file_and_may_hold_several(tmp_path: Path) -> None:
    sealed = Vault([OTHER_KEY]).seal(Secret("s"))
    vault = load_vault({"WATCHKEEPER_MASTER_KEY": f" {MASTER_KEY}, {OTHER_KEY}\n"}, tmp_path, embedded=True)
    assert vault.open(sealed).reveal() == "s"
    assert list(tmp_path.iterdir()) == []


def test_a_key_file_elsewhere_is_read_and_a_missing_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "elsewhere"
    path.write_text(MASTER_KEY)
    path.chmod(0o600)
    sealed = Vault([MASTER_KEY]).seal(Secret("s"))
    given = {"WATCHKEEPER_MASTER_KEY_FILE": str(path)}
    assert load_vault(given, tmp_path / "home", embedded=False).open(sealed).reveal() == "s"
    path.unlink()
    with pytest.raises(MasterKeyError, match="elsewhere"):
        load_vault(given, tmp_path / "home", embedded=False)
