"""The extension module: what `src/python.rs` and the files below it offer to this package.

Private. Import from `pagerduty_mcp_server` instead.
"""

from asyncio import Future
from collections.abc import Sequence
from typing import Any, Final, final

from typing_extensions import Self

__all__ = [
    "RESPONSE_LIMIT",
    "VARIABLES",
    "Client",
    "Pages",
    "Sandbox",
    "Tool",
    "__version__",
    "definitions",
    "list_tools",
    "run_cli",
]

__version__: Final[str]

RESPONSE_LIMIT: Final[int]
"""How many results a list has when no `limit` is given."""

VARIABLES: Final[tuple[str, ...]]
"""The names of the environment variables that are read."""

@final
class Tool:
    """A tool, with the attributes of an MCP tool definition, by its names.

    Attributes:
        name: What it is called by.
        title: Its name for people.
        description: What it does, for a model.
        inputSchema: The JSON Schema of its arguments. The object's own: `list_tools` makes new ones each time.
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

def definitions(
    format: str, *, toolsets: list[str] | None = None, read_only: bool = False
) -> list[dict[str, Any]]:
    """Define tools in the form that a model provider expects. See `pagerduty_mcp_server.tools`."""

@final
class Client:
    """A way to the tools: with settings of its own, or with those that the environment has at the time of each call."""

    def __new__(
        cls,
        *,
        token: str | None = None,
        region: str | None = None,
        base_url: str | None = None,
        user_email: str | None = None,
        timeout: float | None = None,
        max_response_tokens: int | None = None,
        read_only: bool = False,
        toolsets: list[str] | None = None,
    ) -> Self:
        """Take settings. See `PagerDuty` for what they are and what is raised."""

    @staticmethod
    def of_environment() -> Client:
        """Make the one that follows the environment."""

    def call(
        self,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        budget: bool = False,
        whole_account: bool = False,
        needs: str | None = None,
    ) -> Future[dict[str, Any]]:
        """Call a tool. Needs a running `asyncio` loop.

        Args:
            name: The name of the tool.
            arguments: Its arguments, or the JSON text of them.
            budget: Whether the default response budget applies, as for a model. One that was asked for always does.
            whole_account: Whether a list without any filter is the whole account, and not a mistake.
            needs: A parameter that this call requires, although the tool does not.

        Returns:
            The future of the answer. Cancelling it drops the call. See `PagerDuty.call` for what it raises.

        Raises:
            PagerDutyError: An argument is nothing that JSON can say (`INVALID_PARAMETER`); raised by the future.
            TypeError: The arguments are neither a dict nor text.
            RuntimeError: There is no running loop of `asyncio`, this process was forked from one that had made calls already, or the
                interpreter is ending.
        """

    def call_sync(
        self,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        budget: bool = False,
        whole_account: bool = False,
        needs: str | None = None,
    ) -> dict[str, Any]:
        """Call a tool and wait for it, with the interpreter released.

        What a signal's handler raises, Ctrl-C's for one, ends the wait and the call. A handler may call in its turn.
        """

    def require_credential(self) -> None:
        """Raise `PagerDutyAuthError` unless the settings name a credential."""

    def pages(self, name: str, arguments: dict[str, Any] | str) -> Pages:
        """Begin a list; `limit` and `offset` are those of all its pages together. Asks for nothing yet."""

@final
class Pages:
    """A list that is being read, page by page."""

    def next(self) -> Future[tuple[list[dict[str, Any]], list[str]] | None]:
        """Fetch the next page: its rows and its warnings; `None` after the last one."""

    def next_sync(self) -> tuple[list[dict[str, Any]], list[str]] | None:
        """Fetch the next page, and wait for it."""

@final
class Sandbox:
    """A running embedded account. See `pagerduty_mcp_server.testing`."""

    TOKEN: Final[str]

    def __new__(cls, *, incidents: int, rate_limit: int, latency: float) -> Self:
        """Start it."""

    @property
    def url(self) -> str: ...
    @property
    def control_token(self) -> str: ...
    def describe(self) -> dict[str, Any]:
        """Tell what there is."""

    def objects(self, resource: str) -> list[dict[str, Any]]:
        """Look at all objects of a resource."""

    def notes(self, incident: str) -> list[dict[str, Any]]:
        """Look at the notes of an incident."""

    def trigger(
        self, *, service: str | None, title: str, high_urgency: bool, details: str | None
    ) -> dict[str, Any]:
        """Raise an incident."""

    def fail(self, fault: dict[str, Any]) -> None:
        """Make requests go wrong, as `POST /sandbox/faults` does."""

    def limit_rate(self, requests: int) -> None:
        """Change the rate limit."""

    def requests(self) -> list[dict[str, Any]]:
        """Look at the requests so far."""

    def clear(self) -> None:
        """Forget faults and requests."""

    def stop(self) -> None:
        """End it. In a forked process, which has none of its threads, this does nothing; all else raises `RuntimeError`."""
