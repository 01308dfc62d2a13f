"""Services: the functions of the 4.x module.

The functions take keyword arguments only, and return the answer of the tool `get_services`.
"""

from ._calls import call_function
from ._typing import Any


async def list_services(
    *,
    team_ids: "list[str] | None" = None,
    query: "str | None" = None,
    limit: "int | None" = None,
    include: "list[str] | None" = None,
) -> "dict[str, Any]":
    """Returns services by team and name."""
    return await call_function(
        "list_services",
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
    """Returns one service."""
    return await call_function(
        "show_service",
        service_id=service_id,
        include=include,
    )
