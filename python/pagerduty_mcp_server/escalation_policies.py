"""Escalation policies: the functions of the Python server's module.

Keyword arguments only. Each answers what the tool `get_escalation_policies` answers.
"""

from ._calls import ask

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any


async def list_escalation_policies(
    *,
    query: "str | None" = None,
    user_ids: "list[str] | None" = None,
    team_ids: "list[str] | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """List policies by name, users and teams: see the tool `get_escalation_policies`."""
    return await ask(
        "get_escalation_policies",
        current_user_context=False,
        query=query,
        user_ids=user_ids,
        team_ids=team_ids,
        limit=limit,
        include=include,
    )


async def show_escalation_policy(
    *,
    policy_id: str,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Show one policy: see the tool `get_escalation_policies`."""
    return await ask(
        "get_escalation_policies",
        needs="policy_id",
        policy_id=policy_id,
        include=include,
    )
