"""Users and the current user: the functions of the 4.x module.

The functions take keyword arguments only, and return the answer of the tool `get_users`.
"""

from ._calls import call_function
from ._typing import Any


async def build_user_context() -> "dict[str, Any]":
    """Returns the owner of the credential, with the IDs of their teams, services and policies."""
    return await call_function("build_user_context")


async def list_users(
    *,
    team_ids: "list[str] | None" = None,
    query: "str | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Returns users by team and name."""
    return await call_function(
        "list_users",
        team_ids=team_ids,
        query=query,
        limit=limit,
        include=include,
    )


async def show_user(
    *,
    user_id: str,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Returns one user."""
    return await call_function(
        "show_user",
        user_id=user_id,
        include=include,
    )
