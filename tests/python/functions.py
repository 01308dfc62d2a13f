"""Sessions that call the functions of the Python package in this process.

They have the methods of an MCP session, so that the same tests use both.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from inspect import signature
from typing import Any
from unittest.mock import patch

import pytest
from anyio.from_thread import BlockingPortal
from doors import Session
from pagerduty_mcp_server import PagerDuty, PagerDutyError, _core


class FunctionSession(Session):
    """An account that is called with the methods of `PagerDuty`."""

    def __init__(self, portal: BlockingPortal, account: PagerDuty) -> None:
        """Wrap an account."""
        self.portal = portal
        self.account = account

    def ask(self, method: str, *arguments: Any) -> Any:
        """Fail the test: the functions have no MCP."""
        raise NotImplementedError(f"{method} is of MCP: use the fixture mcp_session")

    def _answer(self, tool: str, arguments: dict[str, Any], *, is_error: bool) -> dict[str, Any]:
        method = getattr(self.account, tool)
        try:
            signature(method).bind(**arguments)
            call = partial(method, **arguments)
        except TypeError:
            # Only a model could send arguments that Python itself refuses.
            call = partial(self.account.call, tool, arguments)
        try:
            answer = self.portal.call(call)
        except PagerDutyError as error:
            answer = error.envelope
        assert ("error" in answer) is is_error, answer
        return answer


@contextmanager
def connect(portal: BlockingPortal, *arguments: str, **variables: str) -> Iterator[Session]:
    """Create an account with the options and variables of a server."""
    options = {"--sandbox": {}, "--read-only": {"read_only": True}}
    keywords: dict[str, Any] = {}
    for argument in arguments:
        if argument not in options:
            pytest.fail(f"the functions have no {argument}", pytrace=False)
        keywords |= options[argument]
    settings = (
        dict.fromkeys(_core.VARIABLES, "") | {"PAGERDUTY_SANDBOX_STATE": "memory"} | variables
    )
    if "--sandbox" in arguments:
        settings["PAGERDUTY_SANDBOX"] = "1"
    with patch.dict(os.environ, settings):
        account = PagerDuty(**keywords)
    try:
        yield FunctionSession(portal, account)
    finally:
        portal.call(account.aclose)
