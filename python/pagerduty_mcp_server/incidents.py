"""Incidents, and what can be done about them: the functions of the Python server's module.

Keyword arguments only. Each answers what the tool `get_incidents` answers.
"""

from ._calls import ask, refused

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any


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
    """List incidents, newest first: see the tool `get_incidents`."""
    return await ask(
        "get_incidents",
        current_user_context=False,
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
    """Show one incident by its ID or number: see the tool `get_incidents`."""
    return await ask(
        "get_incidents",
        needs="incident_id",
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
    """Acknowledge or resolve an incident: `status` is `acknowledged` or `resolved`."""
    tools = {"acknowledged": "acknowledge_incident", "resolved": "resolve_incident"}
    tool = tools.get(status) if isinstance(status, str) else None
    if tool is None:
        raise refused(
            "INVALID_PARAMETER", f"status is {status!r}", "Pass acknowledged or resolved."
        )
    return await ask(tool, incident_id=incident_id, include=include)


async def create_incident_note(*, incident_id: "str | int", content: str) -> "dict[str, Any]":
    """Add a note to an incident. Never written twice, whatever happens on the way."""
    return await ask("add_incident_note", incident_id=incident_id, content=content)
