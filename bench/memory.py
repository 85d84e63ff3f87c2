"""What a process holds that no other shares, and open files; read from the kernel."""

from dataclasses import dataclass

import psutil  # type: ignore[import-untyped]  # it ships no types

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Footprint:
    """`unique_mib`: memory that would be free if the process ended (USS)."""

    pid: int
    unique_mib: float
    files: int
    threads: int


def footprint(process: psutil.Process) -> Footprint:
    """Of one process.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    memory = process.memory_full_info()
    return Footprint(process.pid, memory.uss / MIB, process.num_fds(), process.num_threads())


def family(supervisor: int) -> tuple[psutil.Process, psutil.Process, list[psutil.Process]]:
    """The controller, the forker and the workers of a running supervisor."""
    controller = psutil.Process(supervisor)
    (forker,) = controller.children()
    return controller, forker, forker.children()
