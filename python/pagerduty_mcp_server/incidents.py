"""Incidents and their changes: the functions of the 4.x module.

The functions take keyword arguments only, and return the answer of the tool `get_incidents`.
"""

from ._calls import call_function
from ._typing import Any


async def list_incidents(
    *,
    service_ids: "list[str] | None" = None,
    team_ids: "list[str] | None" = None,
    statuses: "list[str] | None" = None,
    urgencies: "list[str] | None" = None,
    since: "str | None" = None,
    until: "str | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Returns incidents, newest first."""
    return await call_function(
        "list_incidents",
        service_ids=service_ids,
        team_ids=team_ids,
        statuses=statuses,
        urgencies=urgencies,
        since=since,
        until=until,
        limit=limit,
        include=include,
    )


async def show_incident(
    *,
    incident_id: "str | int",
    include_past_incidents: "bool | None" = False,
    include_related_incidents: "bool | None" = False,
    include_notes: "bool | None" = False,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Returns one incident by its ID or number."""
    return await call_function(
        "show_incident",
        incident_id=incident_id,
        include_past_incidents=include_past_incidents,
        include_related_incidents=include_related_incidents,
        include_notes=include_notes,
        include=include,
    )


async def update_incident_status(
    *,
    incident_id: "str | int",
    status: str,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Acknowledges or resolves an incident: `status` is `acknowledged` or `resolved`."""
    return await call_function(
        "update_incident_status",
        incident_id=incident_id,
        status=status,
        include=include,
    )


async def create_incident_note(
    *,
    incident_id: "str | int",
    content: str,
) -> "dict[str, Any]":
    """Adds a note to an incident. A note is never written twice, even after a lost response."""
    return await call_function(
        "create_incident_note",
        incident_id=incident_id,
        content=content,
    )
