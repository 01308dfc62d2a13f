"""PagerDuty for AI agents: an MCP server, its tools as coroutines, and a command line.

Serve MCP over standard input and output::

    from pagerduty_mcp_server import mcp

    mcp.run()

Or call a tool in this process::

    incidents = await mcp.call_tool("get_incidents", {"statuses": ["triggered"]})

Everything happens in the extension module `_core`. Importing this package imports nothing else.
"""

from ._core import Tool, __version__
from .errors import PagerDutyAuthError, PagerDutyError
from .server import Server, main, mcp

__all__ = [
    "PagerDutyAuthError",
    "PagerDutyError",
    "Server",
    "Tool",
    "__version__",
    "main",
    "mcp",
]
