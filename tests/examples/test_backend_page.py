"""docs/examples/backend, used as a visitor does."""

import httpx
from sqlalchemy import text

from tests.examples.conftest import Page
from tests.waiting import wait_until
from watchkeeper.states import JobState


def test_a_question_is_answered_live_with_its_tool_calls(page: Page) -> None:
    page.ask("[[tools=1]] [[rate=20]] [[say=one two three four five six seven eight nine ten]]")

    page.until("answer", "one two")  # long before the end
    page.until("state", "completed")

    assert page.shows("answer") == "one two three four five six seven eight nine ten"
    assert "calls current_time" in page.shows("steps")


def test_the_stop_button_stops_the_job(page: Page) -> None:
    page.ask("[[slow=30]]")
    page.until("state", "running")

    page.press("stop")
    page.until("state", "cancelled")

    assert [job["state"] for job in page.house.rows.all_jobs()] == [JobState.CANCELLED]


def test_a_worker_killed_in_the_middle_costs_one_line(page: Page) -> None:
    page.ask("[[rate=10]] [[say=" + " ".join(str(number) for number in range(30)) + "]]")
    page.until("answer", "3 4")
    job = page.house.rows.all_jobs()[0]["id"]

    holder = page.house.holder(job)
    running = next(process for process in page.house.processes.started if process.pid == holder)
    running.kill()
    page.house.rows.change_incarnation(page.house.rows.job(job)["claimed_by"], ended_at=1)
    page.house.worker()
    page.until("state", "completed", 60)

    assert page.shows("answer").split() == [str(number) for number in range(30)]
    assert "interrupted, runs again" in page.shows("steps")


def test_what_a_model_says_is_text_never_markup(page: Page) -> None:
    page.ask("[[say=<img src=x onerror=document.title='owned'>]]")
    page.until("state", "completed")

    assert page.shows("answer") == "<img src=x onerror=document.title='owned'>"
    assert page.browser.title == "Ask the agent"


def test_a_question_that_is_rolled_back_is_no_job(page: Page) -> None:
    with page.house.rows.engine.begin() as connection:
        connection.execute(text("DROP TABLE example_questions"))

    response = httpx.post(f"{page.url}/questions", json={"text": "lost?"}, trust_env=False)

    assert response.status_code == 500
    assert page.house.rows.all_jobs() == []
    assert wait_until(lambda: httpx.get(page.url, trust_env=False).is_success)
