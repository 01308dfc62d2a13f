"""PagerDuty for AI agents: an MCP server, its tools as coroutines, and a command line.

Call tools as methods, with the settings of the environment or with your own::

    from pagerduty_mcp_server import PagerDuty

    async with PagerDuty() as pd:
        answer = await pd.get_incidents(statuses=["triggered"])

Offer them to a model::

    from pagerduty_mcp_server import call, tools

    definitions = tools("anthropic", read_only=True)
    answer = await call(name, arguments)

Serve MCP over standard input and output::

    from pagerduty_mcp_server import mcp

    mcp.run()

Test against a sandbox::

    with sandbox() as account:
        account.trigger(title="Too hot")

The module `types` has the types of answers. The modules `incidents`, `oncalls` and so on have the
functions of the Python server (4.x). All work happens in the extension module `_core`; importing
this package imports nothing else.
"""

from . import _interpreter  # noqa: F401  # First: it may stop the import.
from ._core import Tool, __version__
from ._typing import TYPE_CHECKING
from .client import PagerDuty, SyncPagerDuty, call, tools
from .errors import PagerDutyAuthError, PagerDutyError, ValidationError
from .server import Server, main, mcp

if TYPE_CHECKING:
    from . import (
        escalation_policies,
        incidents,
        oncalls,
        schedules,
        services,
        teams,
        testing,
        types,
        users,
        utils,
    )
    from .testing import sandbox

__all__ = [
    "PagerDuty",
    "PagerDutyAuthError",
    "PagerDutyError",
    "Server",
    "SyncPagerDuty",
    "Tool",
    "ValidationError",
    "__version__",
    "call",
    "escalation_policies",
    "incidents",
    "main",
    "mcp",
    "oncalls",
    "sandbox",
    "schedules",
    "services",
    "teams",
    "testing",
    "tools",
    "types",
    "users",
    "utils",
]


def __getattr__(name: str) -> object:
    """Imports the other modules when they are first used."""
    from importlib import import_module

    if name == "sandbox":
        return import_module(".testing", __name__).sandbox
    if name in __all__:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
