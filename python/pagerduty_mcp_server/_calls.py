"""What the functions of this package call: the account that the environment names."""

from . import _core

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any

environment = _core.Client.of_environment()


async def ask(tool: str, **arguments: "Any") -> "dict[str, Any]":
    """Call a tool for a function of the 4.x modules.

    Those have no user context: a list without a filter is that of the whole account.
    """
    return await environment.call(tool, arguments, whole_account=True)
