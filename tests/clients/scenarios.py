"""The runs of each client: an account, a script for its model, and the checks afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import checks
from checks import NOTE, Checks, Observed
from clients import Client
from model import Call


@dataclass(frozen=True)
class Scenario:
    """One run of a client."""

    name: str
    #: The calls that the model makes, one after another, given an open incident.
    script: Callable[[dict], list[Call]]
    checks: Callable[[Observed], Checks]
    applies: Callable[[Client], bool] = lambda client: True
    #: Faults of the account, as `--sandbox-faults` takes it.
    faults: Callable[[Client], str | None] = lambda client: None
    #: Arguments and environment of the server.
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    #: Turns the framework's strict schemas on.
    strict: bool = False
    #: Reads the notes on the incident afterwards.
    notes: bool = False


def note(incident: dict) -> Call:
    return Call("add_incident_note", {"incident_id": incident["id"], "content": NOTE})


SCENARIOS = [
    Scenario(
        "tour",
        lambda incident: [
            Call("get_incidents", {"limit": 2}),
            note(incident),
            Call("get_incidents", {}),
            Call("get_incidents", {"incident_id": "bad id!"}),
        ],
        checks.tour,
        notes=True,
    ),
    Scenario(
        "time-out",
        lambda incident: [Call("get_teams", {})],
        checks.timeout,
        faults=lambda client: "GET /teams hang",
        environment={"PAGERDUTY_TIMEOUT": "3"},
    ),
    Scenario(
        "strict",
        lambda incident: [Call("get_incidents", {"incident_id": incident["id"]})],
        checks.strict,
        applies=lambda client: client.strict,
        strict=True,
    ),
    # The answer in one form only, for clients that show the model both.
    Scenario(
        "one form",
        lambda incident: [Call("get_incidents", {"limit": 2})],
        checks.one_form,
        applies=lambda client: client.shows_both,
        arguments=["--structured-content", "off"],
    ),
    # The note is written at once, and its answer comes half a second after the client gave up.
    Scenario(
        "impatient",
        lambda incident: [note(incident)] * 2,
        checks.impatient,
        applies=lambda client: client.gives_up_after is not None,
        faults=lambda client: (
            f"POST /incidents/{{id}}/notes slow_body={client.gives_up_after}500 x1"
        ),
        notes=True,
    ),
    # Neither the note nor its verification is answered, and the client gives up after a minute.
    Scenario(
        "lost",
        lambda incident: [note(incident)],
        checks.lost,
        applies=lambda client: client.own_timeout is not None,
        faults=lambda client: "POST /incidents/{id}/notes hang; GET /incidents/{id}/notes hang",
    ),
]
