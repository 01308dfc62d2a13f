"""The server as an object, and the console command.

There is no logic here. The coroutines are written in Python because `asyncio.run` and `create_task`
refuse the futures that `_core` returns.
"""

import _signal  # type: ignore[import-not-found]  # `signal` takes 3 of the 20 ms to an answer.
import sys

from . import _core
from ._calls import environment
from ._typing import Any

COMMAND = "pagerduty-mcp-server"


def main() -> int:
    """Runs the command line with the arguments of this process, and returns its exit status.

    For a process that does nothing else: the command line handles Ctrl-C from now on.

    Raises:
        RuntimeError: This is not the main thread, which receives Ctrl-C.
    """
    # Python's handler would only record a Ctrl-C that comes before the command line handles it.
    try:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    except ValueError as error:
        raise RuntimeError(
            "main() takes over the process: call it in the main thread. To serve beside other "
            "work, start a separate process; to call tools, await mcp.call_tool."
        ) from error
    # The name is given, since `sys.argv[0]` would be `__main__.py` under `python -m`.
    return _core.run_cli([COMMAND, *sys.argv[1:]])


class Server:
    """The PagerDuty MCP server.

    The settings are those of the environment and of a `.env` file in the working directory or the
    nearest parent that has one; variables that are set take precedence over the file.

    `call_tool` reads `os.environ` with every call. Calls share connections and the cached context
    of the current user until a variable changes; a changed variable takes effect with the next
    call. With `PAGERDUTY_SANDBOX=1` an incident acknowledged by one call is acknowledged in the
    next, also in another process of the same user. The `.env` file is read once, by the first call
    or the first `PagerDuty` of the process, and not copied into `os.environ`.

    Attributes:
        name: The name of the server over MCP.
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
        """Serves MCP over standard input and output until the input ends, or over HTTP.

        Blocks, with the interpreter released. Errors are reported on standard error.

        Args:
            transport: `stdio`, or `http` (`streamable-http`), which is served until the process is
                stopped. The default is the value of `FASTMCP_TRANSPORT`, else `stdio`.
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
        """Returns the tools, in the order of the documentation. Needs no credential."""
        return _core.list_tools()

    async def call_tool(
        self, name: str, arguments: "dict[str, Any] | None" = None
    ) -> "dict[str, Any]":
        """Calls a tool in this process.

        Canceling the call stops its requests to PagerDuty. A change that PagerDuty has received
        by then may still take effect.

        Args:
            name: The name of the tool.
            arguments: Its arguments, as an MCP client sends them.

        Returns:
            The answer, as an MCP client receives it in `structuredContent`.

        Raises:
            PagerDutyError: The call failed; `code` says why.
            PagerDutyAuthError: A subclass: no credential is set, or PagerDuty rejects it.
            ValidationError: A subclass, for wrong arguments, including values that JSON does not
                have (`INVALID_PARAMETER`).
            TypeError: `arguments` is neither a dict nor text.
            RuntimeError: This process was forked from one that had made calls, or the interpreter
                is ending.
        """
        answer = await environment.call(name, {} if arguments is None else arguments, budget=True)
        return answer.object()


mcp = Server()
