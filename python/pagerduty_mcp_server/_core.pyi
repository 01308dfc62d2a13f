"""The extension module: what `src/python.rs` and the files below it offer to this package.

Private. Import from `pagerduty_mcp_server` instead.
"""

from asyncio import Future
from collections.abc import Sequence
from typing import Any, Final, final

__all__ = ["Tool", "__version__", "call_tool", "list_tools", "run_cli"]

__version__: Final[str]

@final
class Tool:
    """A tool, with the attributes of an MCP tool definition, by its names.

    Attributes:
        name: What it is called by.
        title: Its name for people.
        description: What it does, for a model.
        inputSchema: The JSON Schema of its arguments. A copy: changing it changes nothing.
        annotations: `readOnlyHint`, `destructiveHint`, `idempotentHint` and `openWorldHint`.
    """

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def inputSchema(self) -> dict[str, Any]: ...
    @property
    def annotations(self) -> dict[str, bool]: ...

def run_cli(argv: Sequence[str]) -> int:
    """Run the command line, with the interpreter released.

    Ctrl-C ends it with status 130 and does not raise `KeyboardInterrupt`.

    Args:
        argv: The program's name and its arguments.

    Returns:
        The exit status.
    """

def list_tools() -> list[Tool]:
    """List the tools, in the catalogue's order."""

def call_tool(name: str, arguments: dict[str, Any]) -> Future[dict[str, Any]]:
    """Call a tool. Needs a running `asyncio` loop.

    Args:
        name: The name of the tool.
        arguments: Its arguments.

    Returns:
        The future of the answer. Cancelling it drops the call. See `Server.call_tool` for what it
        raises.

    Raises:
        TypeError: An argument is nothing that JSON can say.
        ValueError: An argument is NaN or infinite.
        RuntimeError: There is no running loop, or this process was forked from one that had made
            calls already.
    """
