"""Users, and the current one: the functions of the Python server's module.

Keyword arguments only. Each answers what the tool `get_users` answers.
"""

from ._calls import ask

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any


async def build_user_context() -> "dict[str, Any]":
    """Tell who the credential belongs to, and what is theirs: see the tool `build_user_context`."""
    return await ask("build_user_context")


async def list_users(
    *,
    team_ids: "list[str] | None" = None,
    query: "str | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """List users by team and name: see the tool `get_users`."""
    return await ask(
        "get_users",
        current_user_context=False,
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
    """Show one user: see the tool `get_users`."""
    return await ask(
        "get_users",
        needs="user_id",
        user_id=user_id,
        include=include,
    )
