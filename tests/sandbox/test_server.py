"""Start and stop of the process, and what it refuses."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from sandbox.admin import is_loopback
from sandbox.control import SandboxControl, SandboxError
from tests.sandbox_fixture import Sandbox, start_sandbox


def run(*arguments: str, stdin: int | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=20, check=False)


def test_the_bound_port_is_announced_and_written_to_its_file(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--port-file", str(tmp_path / "port")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = json.loads(process.stdout.readline())
            assert httpx.get(f"{line['url']}/_sandbox/health").json()["ok"] is True
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert line["event"] == "sandbox_listening"
    assert (tmp_path / "port").read_text() == f"{line['port']}\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["port"]


def ask_without_answer(url: str) -> None:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{url}/v1/chat/completions", json=body, headers={"Authorization": "Bearer k"}, timeout=0.2)


def test_it_ends_with_its_pipe_even_while_requests_hang() -> None:
    command = [sys.executable, "-m", "sandbox", "--port", "0", "--stop-on-eof"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        with SandboxControl(url) as control:
            control.set_default("hang")
            ask_without_answer(url)
        process.stdin.close()
        assert process.wait(10) == 0
    with SandboxControl(url) as control, pytest.raises(SandboxError, match="does not answer"):
        control.calls()


def test_watching_stdin_needs_a_pipe() -> None:
    ended = run("--port", "0", "--stop-on-eof", stdin=subprocess.DEVNULL)
    assert ended.returncode == 2
    assert "--stop-on-eof" in ended.stderr


def test_it_refuses_an_address_that_others_can_reach() -> None:
    ended = run("--host", "0.0.0.0", "--port", "0")
    assert ended.returncode == 2
    assert "--public" in ended.stderr


def test_a_port_in_use_is_told_plainly(sandbox: Sandbox) -> None:
    ended = run("--port", str(httpx.URL(sandbox.url).port))
    assert ended.returncode == 1
    assert "cannot listen on 127.0.0.1" in ended.stderr


def test_a_script_file_sets_the_plans_that_a_reset_returns_to(tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    big = {"behaviour": "overloaded", "model": "big"}
    script.write_text(
        json.dumps({"default": {"delay_seconds": 0}, "keys": {"dead": [{"behaviour": "invalid"}, big]}})
    )
    with start_sandbox("--script", str(script)) as url, SandboxControl(url) as control:
        control.set_key("dead", "ok")
        control.reset()
        for model, status in (("small", 401), ("big", 503)):
            body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
            answer = httpx.post(f"{url}/v1/chat/completions", json=body, headers={"Authorization": "Bearer dead"})
            assert answer.status_code == status


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "must hold a JSON object"),
        ('{"key": {}}', "key: is unknown"),
        ('{"keys": []}', "keys: must be a JSON object"),
        ('{"keys": {"k1": {"behaviour": "nope"}}}', "keys.k1.behaviour: 'nope' is no behaviour"),
    ],
)
def test_a_bad_script_names_the_field_and_ends_with_2(text: str, words: str, tmp_path: Path) -> None:
    script = tmp_path / "script.json"
    script.write_text(text)
    ended = run("--port", "0", "--script", str(script))
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_only_loopback_counts_as_this_machine(host: str, own: bool) -> None:
    assert is_loopback(host) is own
