"""`watchkeeper up` from an empty directory: one job end to end, and nothing left afterwards."""

import signal
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


@pytest.mark.timeout(240)
def test_the_demo_leaves_an_agent_with_tools_to_play_with_and_ctrl_c_ends_all_of_it(tmp_path: Path) -> None:
    with Processes(tmp_path) as processes:
        up = processes.watchkeeper("up", "--demo")
        up.says("watchkeeper is up", 150)
        run = processes.watchkeeper("run", "researcher", "What does a night watch do?", "--stream")
        assert run.ended(60) == 0, run.output()
        up.signal(signal.SIGINT)
        assert up.ended(60) == 0, up.output()
        assert processes.alive() == []

    asides = run.stderr.read_text().splitlines()
    assert asides[0] == 'step 2: find_pages({"query":"What does a night watch do?"})'
    assert asides[1].startswith("step 2: -> Night watch;")
    assert asides[2].startswith("step 4: read_page(")
    assert run.stdout.read_text().startswith("[sandbox]")
    assert "Traceback" not in up.output() and "Warning" not in up.output()
    assert len(up.stderr.read_text().splitlines()) < 20, "the start is short"
