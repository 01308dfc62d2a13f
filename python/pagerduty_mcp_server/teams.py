"""Teams: the functions of the Python server's module.

Keyword arguments only. Each answers what the tool `get_teams` answers.
"""

from ._calls import ask

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any


async def list_teams(
    *,
    query: "str | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """List teams by name: see the tool `get_teams`."""
    return await ask(
        "get_teams",
        query=query,
        limit=limit,
        include=include,
    )


async def show_team(
    *,
    team_id: str,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Show one team: see the tool `get_teams`."""
    return await ask(
        "get_teams",
        needs="team_id",
        team_id=team_id,
        include=include,
    )
