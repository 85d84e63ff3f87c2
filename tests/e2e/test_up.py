"""`watchkeeper up` from an empty directory: one job end to end, and nothing left afterwards."""

from pathlib import Path

import pytest

from tests.processes import Processes


@pytest.mark.timeout(180)
def test_the_demo_answers_says_that_it_was_simulated_and_leaves_no_process(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        up = processes.watchkeeper("up", "--demo", "--once")
        assert up.ended(150) == 0, up.output()
        assert processes.alive() == []

    told = up.stdout.read_text()
    assert "question   In one sentence" in told
    assert "answer     [sandbox] This is a scripted answer" in told
    assert "SIMULATED" in told
    assert "completed" in told
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ["home"]
    assert (tmp_path / "home" / "master.key").stat().st_mode & 0o777 == 0o600
