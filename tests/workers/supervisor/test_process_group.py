"""What a tool started ends with its worker."""

import subprocess

from workers.supervisor.process_group import kill_group


def test_with_a_worker_that_is_killed_ends_what_its_tools_have_started() -> None:
    worker = ["sh", "-c", "sleep 60 & echo started; wait"]
    with subprocess.Popen(worker, process_group=0, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        kill_group(process.pid)
        assert process.stdout.read() == b"", "both are gone, else the pipe stayed open"
        assert process.wait(10) == -9
