"""The checks after a run: each is a requirement of the clients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from clients import Client
from model import OURS, Seen, our_name
from wire import Wire

NOTE = "Looking into it."

#: Names of checks, each with what is wrong, or None.
Checks = Iterator[tuple[str, str | None]]


@dataclass(frozen=True)
class Observed:
    """The records of a run."""

    client: Client
    #: The exit status of the client, or None if it had to be killed.
    status: int | None
    output: str
    seconds: float
    seen: Seen
    wire: Wire
    #: An open incident, and the notes on it afterwards.
    incident: dict
    notes: list[str]

    def result(self, step: int) -> str:
        """Returns the result of a step as the model received it."""
        return self.seen.results[step] if step < len(self.seen.results) else ""


def tour(run: Observed) -> Checks:
    offered = {our_name(one.name): one for one in run.seen.offered}
    listed = run.wire.tools
    # Some clients load no tool at all if the schema of one has no properties.
    bare = [one["name"] for one in listed if "properties" not in one["inputSchema"]]
    changed = [
        one["name"]
        for one in listed
        if one["name"] in offered and one["description"] not in offered[one["name"]].description
    ]
    wrong = {
        "the model is not offered": [name for name in OURS if name not in offered],
        "without properties": bare,
        "another description": [] if run.client.withholds_descriptions else changed,
    }
    problems = "; ".join(f"{what}: {', '.join(which)}" for what, which in wrong.items() if which)
    yield check("tools", not problems, problems)
    yield shown_whole("read", run.wire.text("get_incidents", 0), run.result(0))
    kept = run.notes.count(NOTE)
    yield check("write", kept == 1, f"{kept} notes; the model reads {run.result(1)[:300]!r}")
    yield shown_whole("large", run.wire.text("get_incidents", 1), run.result(2))
    error = run.result(3)
    reported = "INVALID_INCIDENT_ID" in error and "get_incidents finds them" in error
    yield check(
        "error", reported or run.client.withholds_errors, f"the model reads {error[:300]!r}"
    )


def timeout(run: Observed) -> Checks:
    text = run.result(0)
    reported = "TIMEOUT" in text or run.client.withholds_errors
    yield check("time-out", reported, f"the model reads {text[:300]!r}")


def strict(run: Observed) -> Checks:
    text = run.result(0)
    found = set(incident_numbers(text)) == {str(run.incident["incident_number"])}
    yield check("strict, by ID", found, f"the model reads {text[:300]!r}")


def one_form(run: Observed) -> Checks:
    read = incident_numbers(run.result(0))
    twice = len(read) != len(set(read))
    yield check("one form", read and not twice, f"the model reads {run.result(0)[:300]!r}")


def impatient(run: Observed) -> Checks:
    calls, kept = run.wire.calls("add_incident_note"), run.notes.count(NOTE)
    yield check("one note", calls == 2 and kept == 1, f"{kept} notes after {calls} calls")


def lost(run: Observed) -> Checks:
    text = run.result(0)
    reported = "OUTCOME_UNKNOWN" in text
    yield check("outcome", reported, f"after {run.seconds:.0f} s the model reads {text[:300]!r}")


def check(name: str, holds: object, otherwise: str) -> tuple[str, str | None]:
    return name, None if holds else otherwise


def shown_whole(name: str, answered: str, shown: str) -> tuple[str, str | None]:
    """Checks that every incident that the server answered reached the model."""
    sent = set(incident_numbers(answered))
    lost = sent - set(incident_numbers(shown))
    return check(
        name, sent and not lost, f"{len(lost)} of {len(sent)} incidents lost: {shown[:200]!r}"
    )


def incident_numbers(text: str) -> list[str]:
    """Returns the numbers of the incidents in a text, however a client has escaped it."""
    return re.findall(r"incident_number\W{1,12}(\d+)", text)
