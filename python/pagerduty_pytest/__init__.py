"""The pytest plugin: the fixture `pagerduty_sandbox`.

A separate package, because pytest imports every installed plugin: this one must cost nothing unless
it is used. The fixture imports the server's package.
"""

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pagerduty_mcp_server.testing import Account


@pytest.fixture
def pagerduty_sandbox() -> "Iterator[Account]":
    """A separate sandbox account for the test, which the environment points to."""
    from pagerduty_mcp_server import sandbox

    with sandbox() as account:
        yield account
