"""On-calls: the function of the 4.x module.

The functions take keyword arguments only, and return the answer of the tool `get_oncalls`.
"""

from ._calls import call_function
from ._typing import Any


async def list_oncalls(
    *,
    schedule_ids: "list[str] | None" = None,
    user_ids: "list[str] | None" = None,
    escalation_policy_ids: "list[str] | None" = None,
    since: "str | None" = None,
    until: "str | None" = None,
    limit: "int | None" = None,
    earliest: "bool | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Returns the on-calls of schedules, users and policies."""
    return await call_function(
        "list_oncalls",
        schedule_ids=schedule_ids,
        user_ids=user_ids,
        escalation_policy_ids=escalation_policy_ids,
        since=since,
        until=until,
        limit=limit,
        earliest=earliest,
        include=include,
    )
