"""A change is told as in force once every live worker said so; one that cannot be heard is named."""

import re
import signal
import socket

from tests.e2e.house import House


def test_idle_workers_acknowledge_at_once_and_a_frozen_one_is_named(house: House) -> None:
    house.scheduler()
    first, second = house.worker(), house.worker()

    def disable(word: str, number: int) -> tuple[int, str]:
        ran = house.processes.watchkeeper("keys", word, f"GROQ_API_KEY_{number}")
        return ran.ended(), ran.output()

    for word in ("disable", "enable", "disable", "enable"):
        code, said = disable(word, 2)
        told = re.search(r"generation \d+ is in force on 2 of 2 workers \((\d+) ms\)", said)
        assert told is not None, said
        assert code == 0
        assert int(told[1]) < 1000, said

    frozen = second.pid
    second.signal(signal.SIGSTOP)
    try:
        code, said = disable("disable", 2)
    finally:
        second.signal(signal.SIGCONT)

    assert code == 4
    assert "is in force on 1 of 2 workers" in said
    assert f"late: {socket.gethostname()}/{frozen} (generation " in said
    assert str(first.pid) not in said
    assert "2 of 2 workers" in disable("enable", 2)[1]
