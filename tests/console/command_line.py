"""Runs `watchkeeper` in this process: arguments and stdin in; exit code, stdout and stderr out."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import Engine, select

from console.cli.main import main
from shared.db.reading import reading
from shared.db.tables import agents, jobs, llm_defaults, models, provider_keys, providers, snapshots
from tests.rows import Rows

KEY = "gsk_0123456789abcdefghijklmnop"
OTHER_KEY = "gsk_ponmlkjihgfedcba9876543210"


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of a command."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """stdout as JSON."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class CommandLine:
    """`wk("keys", "ls")` runs it."""

    engine: Engine
    redis: Redis
    monkeypatch: pytest.MonkeyPatch

    def __call__(self, *arguments: str, stdin: str = "") -> Ran:
        """Run to the end; an unforeseen exception passes through."""
        out, err = io.StringIO(), io.StringIO()
        self.monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main(list(arguments))
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, out.getvalue(), err.getvalue())

    def ok(self, *arguments: str, stdin: str = "") -> Ran:
        """Run what must end with 0."""
        ran = self(*arguments, stdin=stdin)
        assert ran.code == 0, ran.err
        return ran

    def json(self, *arguments: str) -> Any:
        """The data that `--json` prints."""
        return self.ok(*arguments, "--json").data

    def refused(self, *arguments: str, stdin: str = "", code: int = 1) -> str:
        """Run what must fail with `code` and change nothing; what was said."""
        before = self.picture()
        ran = self(*arguments, stdin=stdin)
        assert (ran.code, ran.out) == (code, ""), ran
        assert self.picture() == before
        assert "Traceback" not in ran.err
        return ran.err

    def picture(self) -> dict[str, Any]:
        """Everything the commands may change."""
        tables = (providers, provider_keys, models, agents, llm_defaults, snapshots, jobs)
        with reading(self.engine) as connection:
            return {table.name: [tuple(row) for row in connection.execute(select(table))] for table in tables} | {
                "redis": sorted(self.redis.scan_iter())
            }

    @property
    def rows(self) -> Rows:
        """The tables, seen from outside."""
        return Rows(self.engine)
