"""Who is on call: the functions of the Python server's module.

Keyword arguments only. Each answers what the tool `get_oncalls` answers.
"""

from ._calls import ask

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any


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
    """List on-calls of schedules, users and policies: see the tool `get_oncalls`."""
    return await ask(
        "get_oncalls",
        current_user_context=False,
        schedule_ids=schedule_ids,
        user_ids=user_ids,
        escalation_policy_ids=escalation_policy_ids,
        since=since,
        until=until,
        limit=limit,
        earliest=earliest,
        include=include,
    )
