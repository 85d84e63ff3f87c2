"""What really happened, asked of witnesses outside: the provider's log, the tools' file, a trigger in SQL."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from sqlalchemy import select, text

from shared.db.reading import reading
from shared.db.tables import steps
from tests.chaos.load import STEPS
from tests.chaos.world import World
from watchkeeper.contract import jobs

_CLOCK_MS = 5  # the provider and the database read one clock, not in one moment


@dataclass(slots=True)
class Verdict:
    """Every list names what broke a promise; `repeated` is what a kill may cost."""

    accepted: int = 0
    lost: list[str] = field(default_factory=list)
    not_completed: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    finished_steps_called_again: list[str] = field(default_factory=list)
    tools_run_twice: list[str] = field(default_factory=list)
    beyond_one_per_kill: list[str] = field(default_factory=list)
    repeated: int = 0
    rescued: int = 0
    unknown_outcomes: int = 0
    taken_for_poison: list[str] = field(default_factory=list)
    """Killed four times in one step, twice of them alone: given up as promised (docs/adr/0009), though innocent."""

    @property
    def broken(self) -> bool:
        """True when a promise was broken."""
        return any(
            (
                self.lost,
                self.not_completed,
                self.duplicated,
                self.finished_steps_called_again,
                self.tools_run_twice,
                self.beyond_one_per_kill,
            )
        )

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"accepted {self.accepted}, rescued {self.rescued} times",
            f"lost {len(self.lost)} {self.lost[:3]}",
            f"not completed {len(self.not_completed)} {self.not_completed[:3]}",
            f"duplicated final results {len(self.duplicated)} {self.duplicated[:3]}",
            f"finished steps called again {len(self.finished_steps_called_again)} "
            f"{self.finished_steps_called_again[:3]}",
            f"tools that may run once only, run twice {len(self.tools_run_twice)} {self.tools_run_twice[:3]}",
            f"repeated LLM calls {self.repeated}, beyond one for each kill and job in flight "
            f"{len(self.beyond_one_per_kill)} {self.beyond_one_per_kill[:3]}",
            f"answers 'outcome unknown' {self.unknown_outcomes}",
            f"killed four times in one step, and so dead {len(self.taken_for_poison)} {self.taken_for_poison[:3]}",
        ]


def judge(world: World, accepted: dict[str, str]) -> Verdict:
    """Compare what was accepted with what the witnesses saw."""
    verdict = Verdict(accepted=len(accepted))
    with reading(world.engine) as connection:
        wanted = select(jobs.c.id, jobs.c.state, jobs.c.claim_token, jobs.c.error_cause, jobs.c.crashes_alone)
        rows = {row.id: row for row in connection.execute(wanted)}
        endings = Counter(
            dict(connection.execute(text("SELECT job_id, count(*) FROM chaos_endings GROUP BY job_id")).all())  # type: ignore[arg-type]
        )
        finished: dict[str, dict[int, int]] = defaultdict(dict)
        for row in connection.execute(select(steps.c.job_id, steps.c.number, steps.c.finished_at, steps.c.result)):
            finished[row.job_id][row.number] = row.finished_at
            verdict.unknown_outcomes += "outcome unknown" in row.result
    calls: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for entry in world.provider.log():
        if entry.mark is not None:
            calls[entry.mark][entry.messages].append(entry.at_ms)
    for job_id, name in accepted.items():
        row = rows.get(job_id)
        if row is None or endings[job_id] == 0:
            verdict.lost.append(job_id)
            continue
        if row.state == "dead" and row.error_cause == "poison" and row.crashes_alone == 2 and row.claim_token >= 4:
            verdict.taken_for_poison.append(job_id)
        elif row.state != "completed" or len(finished[job_id]) != STEPS:
            verdict.not_completed.append(f"{job_id} {row.state} {len(finished[job_id])} steps")
        if endings[job_id] > 1:
            verdict.duplicated.append(job_id)
        _judge_calls(verdict, job_id, calls[name], finished[job_id], row.claim_token - 1)
    noted = Counter(world.journal.read_text().splitlines()) if world.journal.exists() else Counter[str]()
    verdict.tools_run_twice = [line for line, times in noted.items() if times > 1]
    return verdict


def _judge_calls(
    verdict: Verdict, job_id: str, calls: dict[int, list[int]], finished: dict[int, int], rescues: int
) -> None:
    """The request for step n carries n messages: the question, and a message for each finished step."""
    verdict.rescued += rescues
    repeated = sum(len(times) - 1 for times in calls.values())
    verdict.repeated += repeated
    if repeated > rescues:
        verdict.beyond_one_per_kill.append(f"{job_id}: {repeated} repeated, {rescues} rescues")
    for step, times in calls.items():
        done_at = finished.get(step)
        late = [at for at in times if done_at is not None and at > done_at + _CLOCK_MS]
        if late:
            verdict.finished_steps_called_again.append(f"{job_id} step {step}: {late[0] - (done_at or 0)} ms after")
