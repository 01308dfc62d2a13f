"""Teams: the functions of the 4.x module.

The functions take keyword arguments only, and return the answer of the tool `get_teams`.
"""

from ._calls import call_function
from ._typing import Any


async def list_teams(
    *,
    query: "str | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Returns teams by name."""
    return await call_function(
        "list_teams",
        query=query,
        limit=limit,
        include=include,
    )


async def show_team(
    *,
    team_id: str,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Returns one team."""
    return await call_function(
        "show_team",
        team_id=team_id,
        include=include,
    )
