"""`explain`: a provider's answer in, its meaning and consequence out, with no store and no provider asked."""

import io
import json
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from console.cli.main import main
from tests.shared.classification.cases import NOW, rows

_FIELDS = ("id", "provider", "model", "kind", "status", "headers", "body")
RECORDED = [{name: row[name] for name in _FIELDS} | {"note": "passed over"} for row in rows("provider_errors.jsonl")]
_AT = ["--now", NOW.isoformat()]


class _Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.fixture
def explain(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`explain(*arguments, stdin=...)` gives exit code, stdout, stderr."""

    def run(*arguments: str, stdin: bytes = b"") -> tuple[Any, str, str]:
        monkeypatch.setattr(sys, "stdin", _Stdin(stdin))
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main(["explain", *arguments])
        return ended.value.code, out.getvalue(), err.getvalue()

    return run


def _lines(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_one_answer_is_explained_with_what_is_done_about_it(explain: Any) -> None:
    body = json.dumps({"error": {"message": "Rate limit reached for requests per minute", "type": "requests"}})
    asked = ["--provider", "groq", "--status", "429", "--header", "Retry-After: 7", "--body-file", "-", *_AT]

    code, out, _ = explain(*asked, "--json", stdin=body.encode())

    said = json.loads(out)
    assert code == 0
    assert (said["cause"], said["scope"], said["until"]) == ("rate_limit_short", "key", "2026-03-15T12:00:07+00:00")
    assert said["action"] == "the next candidate is tried; the key is cooling for 7 s"
    code, out, _ = explain(*asked, stdin=body.encode())
    assert code == 0 and "rate_limit_short" in out and "cooling for 7 s" in out


@pytest.mark.parametrize(
    ("arguments", "cause", "action"),
    [
        (["--status", "400"], "bad_request", "the job fails at once"),
        (["--status", "401"], "auth_invalid", "the key is held for 60 s"),
        (["--status", "404"], "unknown", "nothing is set aside"),
        (["--status", "503"], "overloaded", "after 5 such failures within 30 s the provider is open"),
        (["--kind", "timeout"], "timeout", "the provider is open"),
        (["--kind", "no_key"], "auth_missing", "the key is quarantined"),
        (["--kind", "network", "--error", "gaierror: Name or service not known"], "network", "this host's way"),
    ],
)
def test_the_action_follows_from_the_cause(explain: Any, arguments: list[str], cause: str, action: str) -> None:
    code, out, _ = explain("--provider", "openai", *arguments, "--json", *_AT)

    assert code == 0
    assert json.loads(out)["cause"] == cause
    assert action in json.loads(out)["action"]


def test_many_answers_are_explained_in_their_order(explain: Any) -> None:
    stdin = "\n".join(map(json.dumps, RECORDED)).encode()

    code, out, _ = explain("--jsonl", *_AT, stdin=stdin)

    said = _lines(out)
    assert code == 0
    assert [line["id"] for line in said] == [row["id"] for row in RECORDED]
    for line in said:
        assert line.keys() == {"id", "cause", "scope", "until", "confidence", "advice", "rule"}
    wanted = {row["id"]: row["cause"] for row in rows("provider_errors.jsonl")}
    wrong = [line["id"] for line in said if line["cause"] != wanted[line["id"]]]
    assert wrong == ["mistral-401-quota-hidden"]  # byte for byte the answer to a revoked key


def test_a_line_that_cannot_be_read_is_named_and_the_others_go_on(explain: Any) -> None:
    fine = {"id": "fine", "provider": "openai", "kind": "refused"}
    bad: list[Any] = [
        {"id": "no-provider", "status": 401},
        {"id": "no-status", "provider": "openai", "kind": "http", "status": None},
        {"id": "odd-kind", "provider": "openai", "kind": "telepathy"},
        {"id": "odd-headers", "provider": "openai", "status": 401, "headers": ["a"]},
        {"id": "odd-model", "provider": "openai", "status": 401, "model": 5},
        ["a list"],
    ]
    lines = [b"not json", *(json.dumps(row).encode() for row in bad), b"\xff\xfe", b"[" * 100_000, b"", b"  "]

    code, out, _ = explain("--jsonl", stdin=b"\n".join([*lines, json.dumps(fine).encode()]))

    *failed, last = _lines(out)
    assert code == 1
    assert last["cause"] == "network"
    assert [line["id"] for line in failed[1:6]] == [row["id"] for row in bad[:5]]
    assert len(failed) == 9 and all(line.keys() == {"id", "error"} for line in failed)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--status", "401"],
        ["--provider", "openai"],
        ["--provider", "openai", "--kind", "timeout", "--status", "401"],
        ["--provider", "openai", "--status", "401", "--header", "no colon"],
        ["--provider", "openai", "--status", "401", "--body-file", "/nowhere/at/all"],
        ["--jsonl", "--provider", "openai"],
    ],
)
def test_what_makes_no_sense_is_a_usage_error(explain: Any, arguments: list[str]) -> None:
    assert explain(*arguments)[0] == 2


def test_a_stream_of_answers_loads_nothing_heavy() -> None:
    script = (
        "import sys; from console.cli.main import main\n"
        "try: main(['explain', '--jsonl'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'sqlalchemy', 'redis', 'litellm', 'httpx', 'rich', 'structlog'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script]
    row = json.dumps(RECORDED[1])
    ran = subprocess.run(
        command, input=row, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert ran.stdout.splitlines()[-1] == "[]"
