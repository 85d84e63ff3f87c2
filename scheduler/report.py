"""What one run of a part did."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Report:
    """`did` counts by name; empty = there was nothing to do."""

    did: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return any(self.did.values())
