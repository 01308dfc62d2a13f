"""`PagerDuty` and `SyncPagerDuty`: an account as an object, with a method for each tool.

There is no logic here: requests, retries, pages and rules are those of `_core`.
"""

from . import _core
from ._calls import environment
from ._tools import AsyncTools, SyncTools

TYPE_CHECKING = False  # As in `typing`, which takes longer to import than everything else here.
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from types import TracebackType
    from typing import Any, Literal

    from typing_extensions import Self

    Region = Literal["us", "eu"]
    ToolFormat = Literal["openai", "openai-responses", "anthropic", "mcp"]
else:
    from ._annotations import (
        Any,
        AsyncGenerator,
        Generator,
        Region,
        Self,
        ToolFormat,
        TracebackType,
    )


class _Account:
    """What both twins are: settings, and the tools that are switched on."""

    def __init__(
        self,
        token: "str | None" = None,
        *,
        region: "Region | None" = None,
        base_url: "str | None" = None,
        user_email: "str | None" = None,
        timeout: "float | None" = None,
        max_response_tokens: "int | None" = None,
        read_only: bool = False,
        toolsets: "list[str] | None" = None,
    ) -> None:
        """Take settings; what is left out is that of `os.environ` now, then that of a `.env` file.

        The `.env` file is that of the first use of this package in this process. Nothing is opened
        before the first call. Later changes of the environment change nothing.

        Args:
            token: The credential: a REST API key or an OAuth access token. With it or `base_url`,
                `PAGERDUTY_SANDBOX` does not hold. Never sent to a host that a `.env` file names.
            region: The service region of the account. Wins over `PAGERDUTY_API_HOST`, unless the
                environment sets that to plain `http` on this machine, as `sandbox()` does.
            base_url: The base URL of the API, for a gateway in front of it or a sandbox. Wins over
                `region`.
            user_email: The author of changes; needed with an account-level key.
            timeout: Seconds after which a call is given up, all its requests together.
            max_response_tokens: The size at which lists are cut; 0 is none, as by default but for
                `call`. Streams (`iter_…`) are never cut.
            read_only: Whether to refuse every tool that changes something.
            toolsets: The only toolsets to have, such as `incidents`.

        Raises:
            PagerDutyError: A setting cannot be used, a blank text for one
                (`INVALID_CONFIGURATION`).
        """
        self._core: _core.Client | None = _core.Client(
            token=token,
            region=region,
            base_url=base_url,
            user_email=user_email,
            timeout=timeout,
            max_response_tokens=max_response_tokens,
            read_only=read_only,
            toolsets=toolsets,
        )
        self._read_only = read_only
        self._toolsets = None if toolsets is None else list(toolsets)

    def tools(
        self,
        format: "ToolFormat" = "openai",
        *,
        toolsets: "list[str] | None" = None,
        read_only: bool = False,
    ) -> "list[dict[str, Any]]":
        """Define the tools that `call` takes, in the form that a model provider expects.

        Args:
            format: `openai` (chat completions, and whoever copied them), `openai-responses`,
                `anthropic` or `mcp`.
            toolsets: Only these of the object's toolsets; by default all of them.
            read_only: Only tools that change nothing.

        Raises:
            PagerDutyError: There is no such toolset.
            ValueError: There is no such format.
        """
        switched_on = tools(format, toolsets=self._toolsets, read_only=self._read_only)
        wanted = tools(format, toolsets=toolsets, read_only=read_only)
        return [tool for tool in wanted if tool in switched_on]

    def _open(self) -> _core.Client:
        if self._core is None:
            raise RuntimeError(f"this {type(self).__name__} is closed")
        return self._core


class PagerDuty(_Account, AsyncTools):
    """An account, for `asyncio`.

    Usable from several event loops and threads at the same time. Cancelling a call stops its
    requests. `async with` lets go of the connections at its end, once what has begun is answered;
    without it they are let go with the object.
    """

    async def call(
        self, name: str, arguments: "dict[str, Any] | str | None" = None
    ) -> "dict[str, Any]":
        """Call a tool for a model: by its name, within the response budget of MCP clients.

        Args:
            name: The name of the tool.
            arguments: Its arguments: a dict, or the JSON text of one, as models give it.

        Returns:
            The answer, as MCP clients get it.

        Raises:
            PagerDutyError: The call failed; `envelope` is what to tell the model.
            ValidationError: One of these, for wrong arguments, those that JSON cannot say among
                them (`INVALID_PARAMETER`).
            TypeError: `arguments` is neither a dict nor text.
            RuntimeError: The running event loop is not that of `asyncio`.
        """
        return await self._open().call(name, {} if arguments is None else arguments, budget=True)

    async def aclose(self) -> None:
        """Begin nothing more: later calls raise `RuntimeError`.

        Calls under way are answered, and streams that have given something go on to their end; with
        the last of them the connections are let go.
        """
        self._core = None

    async def __aenter__(self) -> "Self":
        return self

    async def __aexit__(
        self,
        kind: "type[BaseException] | None",
        value: "BaseException | None",
        traceback: "TracebackType | None",
    ) -> None:
        await self.aclose()

    async def _ask(self, name: str, arguments: "dict[str, Any]") -> "dict[str, Any]":
        return await self._open().call(name, arguments)

    async def _stream(
        self, name: str, arguments: "dict[str, Any]"
    ) -> "AsyncGenerator[dict[str, Any], None]":
        pages = self._open().pages(name, arguments)
        said: set[str] = set()
        while (page := await pages.next()) is not None:
            rows, warnings = page
            _say(warnings, said)
            for row in rows:
                yield row


class SyncPagerDuty(_Account, SyncTools):
    """An account, for programs without `asyncio`.

    The interpreter is released while a call waits, so that other threads run on. Ctrl-C ends it,
    as does whatever a signal's handler raises; a handler may make calls of its own.
    """

    def call(self, name: str, arguments: "dict[str, Any] | str | None" = None) -> "dict[str, Any]":
        """Call a tool for a model: see `PagerDuty.call`."""
        arguments = {} if arguments is None else arguments
        return self._open().call_sync(name, arguments, budget=True)

    def close(self) -> None:
        """Begin nothing more: later calls raise `RuntimeError`. See `PagerDuty.aclose`."""
        self._core = None

    def __enter__(self) -> "Self":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        value: "BaseException | None",
        traceback: "TracebackType | None",
    ) -> None:
        self.close()

    def _ask(self, name: str, arguments: "dict[str, Any]") -> "dict[str, Any]":
        return self._open().call_sync(name, arguments)

    def _stream(
        self, name: str, arguments: "dict[str, Any]"
    ) -> "Generator[dict[str, Any], None, None]":
        pages = self._open().pages(name, arguments)
        said: set[str] = set()
        while (page := pages.next_sync()) is not None:
            rows, warnings = page
            _say(warnings, said)
            yield from rows


def _say(warnings: "list[str]", said: "set[str]") -> None:
    """Pass on what a page has to say, once a stream: there is no envelope to say it in."""
    for warning in warnings:
        if warning not in said:
            said.add(warning)
            from warnings import warn

            warn(warning, stacklevel=3)


def tools(
    format: "ToolFormat" = "openai",
    *,
    toolsets: "list[str] | None" = None,
    read_only: bool = False,
) -> "list[dict[str, Any]]":
    """Define the tools in the form that a model provider expects. Needs no credential.

    Args:
        format: `openai` (chat completions, and whoever copied them), `openai-responses`,
            `anthropic` or `mcp`.
        toolsets: Only these toolsets, such as `incidents`.
        read_only: Only tools that change nothing.

    Raises:
        PagerDutyError: There is no such toolset.
        ValueError: There is no such format.
    """
    return _core.definitions(format, toolsets=toolsets, read_only=read_only)


async def call(name: str, arguments: "dict[str, Any] | str | None" = None) -> "dict[str, Any]":
    """Call a tool with the settings of the environment: see `PagerDuty.call`."""
    return await environment.call(name, {} if arguments is None else arguments, budget=True)


def create_client() -> PagerDuty:
    """Make a client of the account that the environment names, as the 4.x function did.

    Raises:
        PagerDutyAuthError: The environment names no credential.
        PagerDutyError: A setting cannot be used (`INVALID_CONFIGURATION`).
    """
    client = PagerDuty()
    client._open().require_credential()
    return client
