"""Schedules: the functions of the 4.x module.

The functions take keyword arguments only, and return the answer of the tool `get_schedules`.
"""

from ._calls import call_function
from ._typing import Any


async def list_schedules(
    *,
    query: "str | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Returns schedules by name."""
    return await call_function(
        "list_schedules",
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
    """Returns one schedule, rendered over a range if one is given."""
    return await call_function(
        "show_schedule",
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
    """Returns the users who are on call on one schedule: see the tool `list_users_oncall`."""
    return await call_function(
        "list_users_oncall",
        schedule_id=schedule_id,
        since=since,
        until=until,
        include=include,
    )
