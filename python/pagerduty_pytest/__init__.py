"""The pytest plugin: the fixture `pagerduty_sandbox`.

A package of its own, because pytest imports every plugin that is installed: this one must cost
nothing to those who do not use it. The server's package is imported by the fixture.
"""

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pagerduty_mcp_server.testing import Account


@pytest.fixture
def pagerduty_sandbox() -> "Iterator[Account]":
    """An embedded PagerDuty account of the test's own, which the environment points to."""
    from pagerduty_mcp_server import sandbox

    with sandbox() as account:
        yield account
