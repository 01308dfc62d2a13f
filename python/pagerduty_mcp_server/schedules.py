"""Schedules: the functions of the Python server's module.

Keyword arguments only. Each answers what the tool `get_schedules` answers.
"""

from ._calls import ask

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any


async def list_schedules(
    *,
    query: "str | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """List schedules by name: see the tool `get_schedules`."""
    return await ask(
        "get_schedules",
        query=query,
        limit=limit,
        include=include,
    )


async def show_schedule(
    *,
    schedule_id: str,
    since: "str | None" = None,
    until: "str | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Show one schedule, rendered over a range when one is given: see the tool `get_schedules`."""
    return await ask(
        "get_schedules",
        needs="schedule_id",
        schedule_id=schedule_id,
        since=since,
        until=until,
        include=include,
    )


async def list_users_oncall(
    *,
    schedule_id: str,
    since: "str | None" = None,
    until: "str | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """List who is on call on one schedule: see the tool `list_users_oncall`."""
    return await ask(
        "list_users_oncall",
        schedule_id=schedule_id,
        since=since,
        until=until,
        include=include,
    )
