"""The pytest plugin: the fixture `pagerduty_sandbox`.

A separate package, because pytest imports every installed plugin: this one must cost nothing unless
it is used. The fixture imports the server's package.
"""

import pytest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pagerduty_mcp_server.testing import Account


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker."""
    config.addinivalue_line(
        "markers",
        "pagerduty_sandbox(**options): options of `sandbox()` for the fixture pagerduty_sandbox",
    )


@pytest.fixture
def pagerduty_sandbox(request: pytest.FixtureRequest) -> "Iterator[Account]":
    """A separate sandbox account for the test, which the environment points to.

    The marker `pagerduty_sandbox` takes options of `sandbox()`, such as `documents`.
    """
    from pagerduty_mcp_server import sandbox

    marker = request.node.get_closest_marker("pagerduty_sandbox")
    with sandbox(**(marker.kwargs if marker else {})) as account:
        yield account
