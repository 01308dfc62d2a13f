"""The client of the functions in this package: the account that the environment names."""

from . import _core
from ._typing import Any

environment = _core.Client.from_environment()


async def call_function(name: str, **arguments: "Any") -> "dict[str, Any]":
    """Calls a function of the 4.x modules, whose rules are in `_core`.

    Raises:
        ValidationError: An argument is refused (`INVALID_PARAMETER`), or the ID of a single object
            is missing or empty (`MISSING_PARAMETER`).
    """
    return (await _core.call_function(environment, name, arguments)).object()
