"""Services: the functions of the Python server's module.

Keyword arguments only. Each answers what the tool `get_services` answers.
"""

from ._calls import ask

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any


async def list_services(
    *,
    team_ids: "list[str] | None" = None,
    query: "str | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """List services by team and name: see the tool `get_services`."""
    return await ask(
        "get_services",
        current_user_context=False,
        team_ids=team_ids,
        query=query,
        limit=limit,
        include=include,
    )


async def show_service(
    *,
    service_id: str,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Show one service: see the tool `get_services`."""
    return await ask(
        "get_services",
        needs="service_id",
        service_id=service_id,
        include=include,
    )
