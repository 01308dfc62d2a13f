"""`PagerDuty` and `SyncPagerDuty`: an account as an object, with a method for each tool.

There is no logic here: requests, retries, pages and rules are those of `_core`.
"""

from . import _core
from ._calls import environment
from ._methods import AsyncTools, SyncTools
from ._typing import Any, AsyncGenerator, Generator, Region, Self, ToolFormat, TracebackType


class _Account:
    """The common part of both classes: settings, and the enabled tools."""

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
        """Takes settings. The others come from `os.environ` now, then from a `.env` file.

        The `.env` file is read by the first use of this package in this process. No connection is
        opened before the first call. Later changes of the environment have no effect.

        Args:
            token: The credential: a REST API key or an OAuth access token. It is never sent to a
                host that a `.env` file names. Passing it or `base_url` overrides
                `PAGERDUTY_SANDBOX`.
            region: The service region of the account. It takes precedence over
                `PAGERDUTY_API_HOST`, unless the environment sets that to plain `http` on this
                machine, as `sandbox()` does.
            base_url: The base URL of the API, for a gateway or a sandbox. It takes precedence over
                `region`.
            user_email: The author of changes, which an account-level key needs.
            timeout: The time limit of a call with all its requests, in seconds.
            max_response_tokens: The size at which lists are truncated; 0 is unlimited, the default
                except for `call`. Streams (`iter_…`) are never truncated.
            read_only: Whether to refuse every tool that changes something.
            toolsets: The only toolsets to enable, such as `incidents`.

        Raises:
            PagerDutyError: A setting is invalid or an empty text (`INVALID_CONFIGURATION`).
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
        self._enabled = (read_only, None if toolsets is None else list(toolsets))

    def tools(
        self,
        format: "ToolFormat" = "openai",
        *,
        toolsets: "list[str] | None" = None,
        read_only: bool = False,
    ) -> "list[dict[str, Any]]":
        """Defines the tools that `call` accepts, in the format of a model provider.

        Args:
            format: `openai` (chat completions and compatible APIs), `openai-responses`,
                `anthropic` or `mcp`.
            toolsets: Only these of the enabled toolsets. The default is all.
            read_only: Whether to leave out the tools that change something.

        Raises:
            PagerDutyError: There is no such toolset.
            ValueError: There is no such format.
        """
        return _core.definitions(
            format, toolsets=toolsets, read_only=read_only, enabled=self._enabled
        )

    def _open(self) -> _core.Client:
        if self._core is None:
            raise RuntimeError(f"this {type(self).__name__} is closed")
        return self._core


class PagerDuty(_Account, AsyncTools):
    """An account, for `asyncio`.

    An object can be used from several event loops and threads at the same time. Canceling a call
    stops its requests. The end of `async with` closes the connections after the calls in progress
    are answered; without it they are closed with the object.
    """

    async def call(
        self, name: str, arguments: "dict[str, Any] | str | None" = None
    ) -> "dict[str, Any]":
        """Calls a tool for a model: by its name, within the response budget of MCP clients.

        Args:
            name: The name of the tool.
            arguments: Its arguments: a dict, or the JSON text of one, as models write it.

        Returns:
            The answer as an MCP client receives it.

        Raises:
            PagerDutyError: The call failed; `envelope` is the answer for the model.
            ValidationError: A subclass, for wrong arguments, including values that JSON does not
                have (`INVALID_PARAMETER`).
            TypeError: `arguments` is neither a dict nor text.
            RuntimeError: The running event loop is not that of `asyncio`.
        """
        answer = await self._open().call(name, {} if arguments is None else arguments, budget=True)
        return answer.object()

    async def aclose(self) -> None:
        """Rejects later calls with `RuntimeError`.

        Calls in progress are answered, and streams that have yielded a row continue to their end.
        Then the connections are closed.
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
        return (await self._open().call(name, arguments)).object()

    async def _stream(
        self, name: str, arguments: "dict[str, Any]"
    ) -> "AsyncGenerator[dict[str, Any], None]":
        pages = self._open().pages(name, arguments)
        while (page := await pages.next()) is not None:
            rows, warnings = page
            _warn(warnings)
            for row in rows:
                yield row


class SyncPagerDuty(_Account, SyncTools):
    """An account, for programs without `asyncio`.

    The interpreter is released while a call waits, so that other threads continue. Ctrl-C ends the
    call, as does any exception of a signal's handler; a handler may make calls itself.
    """

    def call(self, name: str, arguments: "dict[str, Any] | str | None" = None) -> "dict[str, Any]":
        """Calls a tool for a model: see `PagerDuty.call`."""
        arguments = {} if arguments is None else arguments
        return self._open().call_sync(name, arguments, budget=True)

    def close(self) -> None:
        """Rejects later calls with `RuntimeError`. See `PagerDuty.aclose`."""
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
        while (page := pages.next_sync()) is not None:
            rows, warnings = page
            _warn(warnings)
            yield from rows


def _warn(texts: "list[str]") -> None:
    """Gives the warnings of a page as Python warnings: a stream has no envelope for them."""
    for text in texts:
        from warnings import warn

        warn(text, stacklevel=3)


def tools(
    format: "ToolFormat" = "openai",
    *,
    toolsets: "list[str] | None" = None,
    read_only: bool = False,
) -> "list[dict[str, Any]]":
    """Defines the tools in the format of a model provider. Needs no credential.

    Args:
        format: `openai` (chat completions and compatible APIs), `openai-responses`, `anthropic` or
            `mcp`.
        toolsets: Only these toolsets, such as `incidents`.
        read_only: Whether to leave out the tools that change something.

    Raises:
        PagerDutyError: There is no such toolset.
        ValueError: There is no such format.
    """
    return _core.definitions(format, toolsets=toolsets, read_only=read_only)


async def call(name: str, arguments: "dict[str, Any] | str | None" = None) -> "dict[str, Any]":
    """Calls a tool with the settings of the environment: see `PagerDuty.call`."""
    answer = await environment.call(name, {} if arguments is None else arguments, budget=True)
    return answer.object()


def create_client() -> PagerDuty:
    """Makes a client of the account that the environment names, as the 4.x function did.

    Raises:
        PagerDutyAuthError: The environment names no credential.
        PagerDutyError: A setting is invalid (`INVALID_CONFIGURATION`).
    """
    client = PagerDuty()
    client._open().require_credential()
    return client
