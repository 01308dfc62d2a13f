"""What the functions of this package call: the account that the environment names."""

from . import _core
from .errors import ValidationError

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any

environment = _core.Client.of_environment()


async def ask(tool: str, *, needs: "str | None" = None, **arguments: "Any") -> "dict[str, Any]":
    """Call a tool for a function of the 4.x modules.

    Those have no user context: a list without a filter is that of the whole account. Without the
    parameter that `needs` names, a question for one object would be one for all.

    Raises:
        ValidationError: An argument is refused (`INVALID_PARAMETER`), or the one needed is
            missing or blank (`MISSING_PARAMETER`).
    """
    return await environment.call(tool, arguments, whole_account=True, needs=needs)


def refused(code: str, message: str, hint: str) -> ValidationError:
    """Make the error for an argument that the functions refuse themselves, as the core's are."""
    metadata = {"count": 0, "description": "Error occurred while processing request"}
    error = {"code": code, "message": message, "hint": hint}
    envelope = {"metadata": metadata, "error": error}
    return ValidationError(message, code=code, hint=hint, envelope=envelope)
