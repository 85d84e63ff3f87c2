"""CPU seconds of process trees, read from the kernel."""

import psutil  # type: ignore[import-untyped]  # it ships no types


def cpu_seconds(pids: list[int]) -> float:
    """User and system time so far of the processes and all their descendants, of those that have ended too."""
    return sum(_one(process) for pid in pids for process in _tree(pid))


def _tree(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


def _one(process: psutil.Process) -> float:
    times = process.cpu_times()  # children: those it has waited for, as the forker has for workers that were replaced
    return float(times.user + times.system + times.children_user + times.children_system)
