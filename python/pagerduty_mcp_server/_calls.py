"""What the functions of this package call: the account that the environment names."""

from . import _core
from .errors import ValidationError

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any

FILTERS = ("_ids", "statuses", "urgencies")

environment = _core.Client.of_environment()


async def ask(tool: str, **arguments: "Any") -> "dict[str, Any]":
    """Call a tool for a function of the 4.x modules.

    Those have no user context: a list without a filter is that of the whole account. A filter that
    is there and names nothing is a mistake, which would give the whole account, too.
    """
    for name, value in arguments.items():
        if name.endswith(FILTERS) and names_nothing(value):
            raise refused(
                "INVALID_PARAMETER",
                f"{name} is {value!r}, which names nothing",
                f"Say which, or leave {name} out to have all.",
            )
    return await environment.call(tool, arguments, whole_account=True)


def names_nothing(filter: object) -> bool:
    """Whether it is there, as a list or as the text of one, and all that it holds is blank."""
    if isinstance(filter, (list, tuple)):
        return bool(filter) and all(one is None or is_blank(one) for one in filter)
    return isinstance(filter, str) and bool(filter) and not filter.strip(" \t\n,[]\"'")


def is_blank(value: object) -> bool:
    """Whether it is text that says nothing."""
    return isinstance(value, str) and not value.strip()


def said(text: "str | None") -> "str | None":
    """Take blank text for none, as the 4.x functions did."""
    return None if is_blank(text) else text


def required(name: str, value: "Any") -> "Any":
    """Refuse a value that says nothing: without its ID, a question for one object is one for all.

    Raises:
        ValidationError: It is missing (`MISSING_PARAMETER`).
    """
    if not value or is_blank(value):
        raise refused("MISSING_PARAMETER", f"{name} is {value!r}", f"Pass {name}.")
    return value


def refused(code: str, message: str, hint: str) -> ValidationError:
    """Make the error for an argument that the functions refuse themselves, as the core's are."""
    metadata = {"count": 0, "description": "Error occurred while processing request"}
    error = {"code": code, "message": message, "hint": hint}
    envelope = {"metadata": metadata, "error": error}
    return ValidationError(message, code=code, hint=hint, envelope=envelope)
