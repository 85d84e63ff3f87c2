"""`watchkeeper doctor`: what may be wrong, and how to mend it."""

from dataclasses import asdict
from pathlib import Path

import click

from console.cli.output import json_option, print_text, show
from console.cli.quiet import quiet_logs
from console.doctor.check import Finding, Level, exit_code
from console.doctor.examination import examine
from shared.clock import SystemClock


@click.command(epilog="Exit codes: 0 nothing fails, 3 Redis or SQL is away, 4 something else fails.")
@json_option
def doctor(as_json: bool) -> int:
    """Check this host, the stores, the processes and the keys; each problem with the command that mends it."""
    quiet_logs()
    findings = examine(Path.cwd(), SystemClock())
    show(as_json, [asdict(finding) for finding in findings], lambda: _print(findings))
    return exit_code(findings)


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        mark = {Level.OK: "ok  ", Level.WARN: "warn", Level.FAIL: "FAIL"}[finding.level]
        print_text(f"{mark}  {finding.check:<18} {finding.words}")
        if finding.mend is not None and finding.level is not Level.OK:
            print_text(f"{'':<25}-> {finding.mend}")
