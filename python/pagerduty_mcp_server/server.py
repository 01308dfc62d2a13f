"""The server as an object, and the console command.

There is no logic here. The coroutines are written in Python because only those of Python are
coroutines to everyone: `asyncio.run` and `create_task` refuse the futures that `_core` returns.
"""

import _signal  # type: ignore[import-not-found]  # `signal` takes 3 of the 20 ms to an answer.
import sys

from . import _core
from ._calls import environment

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from typing import Any
else:
    from ._annotations import Any

COMMAND = "pagerduty-mcp-server"


def main() -> int:
    """Run the command line with the arguments of this process, and return its exit status.

    For a process that does nothing else: Ctrl-C is left to the command line for good.

    Raises:
        RuntimeError: This is not the main thread, which Ctrl-C goes to.
    """
    # Python's handler would only note a Ctrl-C that comes before the command line listens for it.
    try:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    except ValueError as error:
        raise RuntimeError(
            "main() is the whole process: call it in the main thread. To serve beside other work, "
            "start a process of its own; to call tools, await mcp.call_tool."
        ) from error
    # The name is given, since `sys.argv[0]` would be `__main__.py` under `python -m`.
    return _core.run_cli([COMMAND, *sys.argv[1:]])


class Server:
    """The PagerDuty MCP server.

    The settings are those of the environment and of a `.env` file in the working directory or the
    nearest parent that has one; variables that are set win over the file.

    `call_tool` looks at `os.environ` on every call. As long as none of the variables that are read
    changes, calls share their connections and what is known about the current user. A changed
    variable takes effect on the next call. With `PAGERDUTY_SANDBOX=1` an incident acknowledged by
    one call is acknowledged in the next, also in another process of the same user. The `.env` file
    is read once, by the first call or the first `PagerDuty` of the process, and not copied into
    `os.environ`.

    Attributes:
        name: What the server calls itself over MCP.
    """

    name: str = "pagerduty_mcp_server"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    def run(
        self,
        transport: "str | None" = None,
        *,
        host: "str | None" = None,
        port: "int | None" = None,
    ) -> None:
        """Serve MCP over standard input and output until the input ends, or over HTTP.

        Blocks, with the interpreter released. What goes wrong is told on standard error.

        Args:
            transport: `stdio`, or `http` (`streamable-http`), which is served until it is stopped;
                by default what `FASTMCP_TRANSPORT` says, else `stdio`.
            host: The address to listen on.
            port: The port to listen on.

        Raises:
            SystemExit: The server could not start (2), was ended by Ctrl-C (130), or left calls
                over HTTP unanswered (1).
        """
        options = {"--transport": transport, "--host": host, "--port": port}
        given = [f"{name}={value}" for name, value in options.items() if value is not None]
        status = _core.run_cli([COMMAND, *given])
        if status != 0:
            raise SystemExit(status)

    async def list_tools(self) -> list[_core.Tool]:
        """List the tools, in the order of the documentation. Needs no credential."""
        return _core.list_tools()

    async def call_tool(
        self, name: str, arguments: "dict[str, Any] | None" = None
    ) -> "dict[str, Any]":
        """Call a tool in this process.

        Cancelling the call stops its requests to PagerDuty. A change that PagerDuty has received
        by then may still take effect.

        Args:
            name: The name of the tool.
            arguments: Its arguments, as an MCP client would send them.

        Returns:
            The answer, as MCP clients get it in `structuredContent`.

        Raises:
            PagerDutyError: The call failed; `code` says why.
            PagerDutyAuthError: No credential is set, or PagerDuty does not accept it.
            ValidationError: One of these, for wrong arguments, those that JSON cannot say among
                them (`INVALID_PARAMETER`).
            TypeError: `arguments` is no dict.
            RuntimeError: This process was forked from one that had made calls already, or the
                interpreter is ending.
        """
        return await environment.call(name, {} if arguments is None else arguments, budget=True)


mcp = Server()
