"""One job's story on a terminal or as JSON."""

from dataclasses import asdict
from typing import Any

import click

from console.cli.output import print_json, print_table, print_text
from console.spans import in_words
from console.story import Story
from shared.clock import moment
from watchkeeper.states import Priority


def show_story(story: Story, *, as_json: bool) -> None:
    """Print everything known of the job."""
    if as_json:
        print_json(
            {
                "job": {**story.job, "priority": Priority(story.job["priority"]).name.lower()},
                "steps": story.steps,
                "attempts": story.attempts,
                "timeline": [asdict(entry) for entry in story.timeline],
            }
        )
        return
    _show_job(story.job)
    _show_timeline(story)
    if story.attempts:
        click.echo("\nattempts")
        _show_attempts(story.attempts)


def _show_job(job: dict[str, Any]) -> None:
    lines = [
        ("job", job["id"]),
        ("agent", job["agent"]),
        (
            "state",
            f"{job['state']} (cancel asked)" if job["cancel_requested"] and not job["finished_at"] else job["state"],
        ),
        ("priority", Priority(job["priority"]).name.lower()),
        ("conversation", job["conversation_id"]),
        ("key", job["idempotency_key"]),
        ("enqueued", _when(job["enqueued_at"])),
        ("run after", _when(job["run_after"])),
        ("deadline", _when(job["deadline"])),
        ("question", _last_words(job["messages"])),
        ("error", ": ".join(part for part in (job["error_cause"], job["error_message"]) if part) or None),
    ]
    if job["result"]:
        result = job["result"]
        lines += [
            ("model", result.get("model")),
            ("cost", cost(result.get("cost_usd"))),
            ("answer", result.get("text")),
        ]
    for name, value in lines:
        if value is not None:
            print_text(f"{name:<14}{value}")


def _show_timeline(story: Story) -> None:
    click.echo("\ntimeline")
    began = story.job["enqueued_at"]
    for entry in story.timeline:
        after = entry.at_ms - began
        print_text(f"  {'+' if after >= 0 else ''}{after:>7} ms  {entry.what:<14} {entry.detail}")


def _show_attempts(attempts: list[dict[str, Any]]) -> None:
    print_table(
        ("step", "provider", "key", "mask", "model", "gen", "result", "status", "took", "tokens", "cost"),
        (
            (
                row["step"],
                row["provider"],
                row["key_label"],
                row["key_mask"] or None,
                row["model"],
                row["generation"],
                row["cause"] or "ok",
                row["status"],
                in_words(row["duration_ms"]),
                None if row["input_tokens"] is None else f"{row['input_tokens']} in, {row['output_tokens']} out",
                None if row["cause"] else cost(row["cost_usd"]),
            )
            for row in attempts
        ),
        empty="none",
    )


def cost(usd: float | None) -> str:
    """US dollars; a price nobody knows is "unknown", never 0."""
    return "unknown" if usd is None else f"${usd:.6f}"


def _when(milliseconds: int | None) -> str | None:
    return None if milliseconds is None else f"{moment(milliseconds):%Y-%m-%d %H:%M:%S} UTC"


def _last_words(messages: list[dict[str, Any]]) -> str:
    content = messages[-1].get("content") or ""
    text = content if isinstance(content, str) else f"{len(content)} parts"
    return text if len(text) <= 500 else f"{text[:500]}... ({len(text)} characters)"
