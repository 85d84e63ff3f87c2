"""Jobs in a running installation: in order, exactly once, from any backend, and without a secret in any line."""

import subprocess
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from scheduler.stager import RESEND_SECONDS
from shared.db.tables import jobs
from tests.client.wheel import build_wheel, install_alone
from tests.e2e.house import GROQ_KEYS, House
from tests.waiting import wait_until

GOOGLE_KEY = "AIzaSyE2e0123456789abcdefghijklmnopqrst"


@pytest.fixture(autouse=True)
def clean(inhabited: House) -> None:
    """The sandbox begins anew."""
    inhabited.sandbox.reset()


def test_three_turns_enqueued_at_once_run_in_order_and_see_what_was_said(inhabited: House) -> None:
    turns = [inhabited.client.enqueue("default", f"turn {number}", conversation_id="talk").id for number in (1, 2, 3)]

    texts = [inhabited.done(job_id).text or "" for job_id in turns]

    assert 'You said: "turn 1".' in texts[0]
    assert "Earlier turns" not in texts[0]
    assert "Earlier turns in this conversation: 2." in texts[1]
    assert "Earlier turns in this conversation: 4." in texts[2]
    assert inhabited.llm_requests() == [1, 3, 5]
    rows = [inhabited.rows.job(job_id) for job_id in turns]
    assert all(before["finished_at"] <= after["started_at"] for before, after in pairwise(rows))


@pytest.mark.timeout(120)
def test_three_hundred_jobs_complete_exactly_once_though_redis_is_wiped_in_the_middle(inhabited: House) -> None:
    inhabited.sandbox.set_default("ok", delay_seconds=0.2)
    job_ids = [inhabited.client.enqueue("default", f"job {number}").id for number in range(300)]

    def completed() -> int:
        return sum(row["state"] == "completed" for row in inhabited.rows.all_jobs() if row["id"] in job_ids)

    wait_until(lambda: completed() >= 60, 60)
    inhabited.redis.flushall()
    # As if the resend time had passed. One by one: all in one transaction may be a deadlock with a batch of claims.
    for row in inhabited.rows.all_jobs():
        if row["state"] == "queued":
            inhabited.rows.change_job(row["id"], woken_at=jobs.c.woken_at - int(RESEND_SECONDS * 1000) - 1)
    wait_until(lambda: completed() == 300, 60)

    steps = Counter(row["number"] for job_id in job_ids for row in inhabited.rows.steps(job_id))
    assert steps == {1: 300}
    assert sum(len(inhabited.rows.attempts(job_id)) for job_id in job_ids) == 300
    assert inhabited.sandbox.calls()["total"] == 300
    assert len({inhabited.rows.job(job_id)["claim_token"] for job_id in job_ids}) == 1


def test_a_backend_that_has_only_the_wheel_gets_its_answer(inhabited: House, tmp_path: Path) -> None:
    python = install_alone(build_wheel(tmp_path / "wheel"), tmp_path / "venv", "postgresql")
    backend = tmp_path / "backend"
    (backend / "shared").mkdir(parents=True)
    (backend / "shared" / "__init__.py").write_text("OURS = True\n")
    (backend / "main.py").write_text(
        f"""
import shared, watchkeeper
assert shared.OURS
with watchkeeper.Client({inhabited.database_url!r}, {inhabited.redis_url!r}) as client:
    print(client.wait(client.enqueue("default", "from a backend").id, timeout=30).raise_for_state().text)
"""
    )

    done = subprocess.run([python, "main.py"], cwd=backend, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert 'You said: "from a backend".' in done.stdout


def test_a_provider_that_repeats_the_key_gets_no_process_to_write_it(inhabited: House) -> None:
    # Gemini comes before Groq: same priority, by name.
    env_file = inhabited.processes.folder / ".env"
    env_file.write_text(f"GEMINI_API_KEY={GOOGLE_KEY}\nGEMINI_API_BASE={inhabited.sandbox_url}/gemini/v1beta\n")
    inhabited.sandbox.set_key(GOOGLE_KEY, "suspended")

    def met() -> bool:
        inhabited.done(inhabited.client.enqueue("default", "hello").id)
        return inhabited.sandbox.key_total(GOOGLE_KEY) > 0

    wait_until(met, 30)
    inhabited.sandbox.set_key(GROQ_KEYS[0], "invalid")
    job = inhabited.done(inhabited.client.enqueue("default", "hello").id)

    attempts = [row for one in inhabited.rows.all_jobs() for row in inhabited.rows.attempts(one["id"])]
    causes = {row["key_label"]: row["cause"] for row in attempts if row["cause"]}
    assert causes == {"GEMINI_API_KEY": "account_suspended", "GROQ_API_KEY_1": "auth_invalid"}
    assert job.result is not None
    told = inhabited.processes.output()
    assert "attempt.failed" in told
    for secret in (GOOGLE_KEY, *GROQ_KEYS):
        assert secret not in told
        assert secret not in repr(attempts)
    assert "Traceback" not in told
