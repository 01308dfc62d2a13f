"""The table of results, in Markdown."""

from __future__ import annotations

from dataclasses import dataclass, field

from checks import Observed, incident_numbers
from clients import Client


@dataclass
class Line:
    """The results of one client."""

    client: Client
    #: By scenario.
    observed: dict[str, Observed] = field(default_factory=dict)
    #: By check: the problem, or None.
    checks: dict[str, str | None] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return any(self.checks.values())

    def mark(self, check: str) -> str:
        if check not in self.checks:
            return ""
        return "**no**" if self.checks[check] else "yes"

    def about(self) -> list[str]:
        tour = self.observed.get("tour")
        if tour is None:
            return [self.client.package, "", "", ""]
        return [self.client.package, tour.wire.client, tour.wire.revision, large(tour)]


def large(tour: Observed) -> str:
    """Returns the size of the default list: as the server answered it, and as the model read it."""
    text = tour.wire.text("get_incidents", 1)
    count = len(set(incident_numbers(text)))
    return f"{count} in {len(text):,} as {len(tour.result(2)):,}" if count else ""


def table(lines: list[Line]) -> str:
    checks = list(dict.fromkeys(name for line in lines for name in line.checks))
    head = ["Client", "Name it gives", "Revision", "Default list", *checks]
    rows = [head, ["---"] * len(head)]
    rows += [[*line.about(), *(line.mark(check) for check in checks)] for line in lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
