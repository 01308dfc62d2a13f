"""The extension module, from `src/python.rs` and the files below it.

Private: import from `pagerduty_mcp_server` instead.
"""

from asyncio import Future
from collections.abc import Sequence
from typing import Any, Final, final

from typing_extensions import Self

__all__ = [
    "METHODS",
    "RESPONSE_LIMIT",
    "VARIABLES",
    "Answer",
    "Client",
    "Pages",
    "Sandbox",
    "Tool",
    "__version__",
    "call_function",
    "definitions",
    "list_tools",
    "method",
    "run_cli",
]

__version__: Final[str]

METHODS: Final[tuple[str, ...]]
"""The names of the methods of `AsyncTools` and `SyncTools`."""

RESPONSE_LIMIT: Final[int]
"""The number of rows in a list without `limit`."""

VARIABLES: Final[tuple[str, ...]]
"""The names of the environment variables that the package reads."""

@final
class Tool:
    """A tool, with the attributes of an MCP tool definition.

    Attributes:
        name: The name by which it is called.
        title: The name for people.
        description: The description for a model.
        inputSchema: The JSON Schema of its arguments. It may be changed: `list_tools` makes a new one each time.
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
    """Runs the command line, with the interpreter released.

    Ctrl-C ends it with status 130 and does not raise `KeyboardInterrupt`.

    Args:
        argv: The name of the program and its arguments.

    Returns:
        The exit status.
    """

def list_tools() -> list[Tool]:
    """Returns the tools, in the catalogue's order."""

def definitions(
    format: str,
    *,
    toolsets: list[str] | None = None,
    read_only: bool = False,
    enabled: tuple[bool, list[str] | None] | None = None,
) -> list[dict[str, Any]]:
    """Defines tools in the format of a model provider. See `pagerduty_mcp_server.tools`.

    Args:
        format: The format.
        toolsets: Only these toolsets.
        read_only: Whether to leave out the tools that change something.
        enabled: The settings `read_only` and `toolsets` of an object, which calls no other tools.
    """

def method(name: str) -> tuple[str, bool, list[tuple[str, str, str | None]], str]:
    """Describes a method of `AsyncTools` and `SyncTools`.

    Returns:
        The tool; whether the method is an iterator; the name, annotation and default of each keyword in Python's notation, where
        `None` is no default; and the docstring.
    """

def call_function(client: Client, name: str, arguments: dict[str, Any]) -> Future[Answer]:
    """Calls a function of the 4.x modules. Needs a running `asyncio` loop.

    Args:
        client: The client that makes the call.
        name: The name of the function.
        arguments: Its arguments. `status` is taken out of those of `update_incident_status`.

    Returns:
        The future of the answer. See `Client.call`.

    Raises:
        ValidationError: `status` is not a status (`INVALID_PARAMETER`). Other wrong arguments are raised by the future.
    """

@final
class Answer:
    """The text of an awaited answer."""

    def object(self) -> dict[str, Any]:
        """Returns the answer as an object. The awaiting task calls it, in the thread of the loop."""

@final
class Client:
    """A client, which calls tools: with its own settings, or with those of the environment at the time of each call."""

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
        """Takes settings. See `PagerDuty` for their meaning and the exceptions."""

    @staticmethod
    def from_environment() -> Client:
        """Returns the client that reads the environment with every call."""

    def call(
        self,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        budget: bool = False,
    ) -> Future[Answer]:
        """Calls a tool. Needs a running `asyncio` loop.

        Args:
            name: The name of the tool.
            arguments: Its arguments, or their JSON text.
            budget: Whether the default response budget applies, as for a model. A budget that the user chose always applies.

        Returns:
            The future of the answer. Canceling it drops the call. See `PagerDuty.call` for its exceptions.

        Raises:
            PagerDutyError: An argument is a value that JSON does not have (`INVALID_PARAMETER`); raised by the future.
            TypeError: The arguments are neither a dict nor text.
            RuntimeError: There is no running loop of `asyncio`, this process was forked from one that had made calls, or the
                interpreter is ending.
        """

    def call_sync(
        self,
        name: str,
        arguments: dict[str, Any] | str,
        *,
        budget: bool = False,
    ) -> dict[str, Any]:
        """Calls a tool and waits for the answer, with the interpreter released.

        An exception of a signal's handler, such as that of Ctrl-C, ends the wait and the call. A handler may make calls itself.
        """

    def require_credential(self) -> None:
        """Raises `PagerDutyAuthError` unless the settings name a credential."""

    def pages(self, name: str, arguments: dict[str, Any] | str) -> Pages:
        """Opens a list, without a request. `limit` and `offset` are those of all its pages together."""

@final
class Pages:
    """A list that is read page by page."""

    def next(self) -> Future[tuple[list[dict[str, Any]], list[str]] | None]:
        """Fetches the next page: its rows and its new warnings. Returns `None` after the last one."""

    def next_sync(self) -> tuple[list[dict[str, Any]], list[str]] | None:
        """Fetches the next page, and waits for it."""

@final
class Sandbox:
    """A running sandbox. See `pagerduty_mcp_server.testing`."""

    TOKEN: Final[str]

    def __new__(
        cls,
        *,
        incidents: int,
        rate_limit: int,
        latency: float,
        documents: dict[str, list[dict[str, Any]]] | None,
        scenario: str | None,
    ) -> Self:
        """Starts the sandbox."""

    @property
    def url(self) -> str: ...
    @property
    def control_token(self) -> str: ...
    def describe(self) -> dict[str, Any]:
        """Describes the account."""

    def objects(self, resource: str) -> list[dict[str, Any]]:
        """Returns all objects of a resource."""

    def notes(self, incident: str) -> list[dict[str, Any]]:
        """Returns the notes of an incident."""

    def trigger(
        self, *, service: str | None, title: str, high_urgency: bool, details: str | None
    ) -> dict[str, Any]:
        """Triggers an incident."""

    def fail(self, fault: dict[str, Any]) -> None:
        """Injects a fault into requests, as `POST /sandbox/faults` does."""

    def put_forward(self, seconds: float) -> None:
        """Puts the account's clock forward."""

    def limit_rate(self, requests: int) -> None:
        """Changes the rate limit."""

    def requests(self) -> list[dict[str, Any]]:
        """Returns the requests so far."""

    def clear(self) -> None:
        """Removes faults and the record of requests."""

    def stop(self) -> None:
        """Stops the sandbox. In a forked process, which has none of its threads, this does nothing; other methods raise `RuntimeError`."""
