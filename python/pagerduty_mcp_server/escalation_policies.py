"""Escalation policies: the functions of the 4.x module.

The functions take keyword arguments only, and return the answer of the tool
`get_escalation_policies`.
"""

from ._calls import call_function
from ._typing import Any


async def list_escalation_policies(
    *,
    query: "str | None" = None,
    user_ids: "list[str] | None" = None,
    team_ids: "list[str] | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Returns policies by name, users and teams."""
    return await call_function(
        "list_escalation_policies",
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
    """Returns one policy."""
    return await call_function(
        "show_escalation_policy",
        policy_id=policy_id,
        include=include,
    )
