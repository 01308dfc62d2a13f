"""Settings: where they come from, which wins, and what is refused."""

from pathlib import Path

import pytest
from doors import Door

pytestmark = [pytest.mark.unit, pytest.mark.utils]


@pytest.fixture
def call(door: Door, sandbox, tmp_path: Path):
    """Call `get_teams` in a working directory with this `.env` file in it or above it."""

    def call(dotenv: str = "", directory: str = ".", **variables: str):
        cwd = tmp_path / directory
        cwd.mkdir(exist_ok=True, parents=True)
        if dotenv:
            (tmp_path / ".env").write_text(dotenv.format(url=sandbox.url), encoding="utf-8")
        return door.run("call", "get_teams", "limit=1", cwd=cwd, **variables)

    return call


DOTENV = "PAGERDUTY_API_HOST={url}\nPAGERDUTY_API_TOKEN=sandbox-user\n"


@pytest.mark.parametrize("directory", [".", "below/it"])
def test_a_dotenv_file_is_loaded_from_here_or_above(call, directory):
    assert call(DOTENV, directory).returncode == 0


def test_what_is_set_wins_over_the_file(call):
    done = call(DOTENV, PAGERDUTY_API_TOKEN="wrong")
    assert done.returncode == 1
    assert "AUTHENTICATION_FAILED" in done.stdout


def test_the_official_servers_name_for_the_token_comes_second(call, sandbox):
    host = {"PAGERDUTY_API_HOST": sandbox.url}
    assert call(**host, PAGERDUTY_USER_API_KEY="sandbox-user").returncode == 0
    both = {"PAGERDUTY_USER_API_KEY": "wrong", "PAGERDUTY_API_TOKEN": "sandbox-user"}
    assert call(**host, **both).returncode == 0


def test_a_broken_file_is_an_error_that_does_not_show_it(call):
    done = call('PAGERDUTY_API_TOKEN="secret-4711\n')
    assert done.returncode == 2
    assert ".env" in done.stderr
    assert "hint:" in done.stderr
    assert "secret-4711" not in done.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PAGERDUTY_REGION", "asia"),
        ("PAGERDUTY_API_HOST", "http://api.pagerduty.com"),
        ("PAGERDUTY_SANDBOX", "maybe"),
        ("PAGERDUTY_TIMEOUT", "0"),
        ("PAGERDUTY_MAX_RESPONSE_TOKENS", "many"),
        ("PAGERDUTY_LOG", "pagerduty_mcp_server=loud"),
    ],
)
def test_an_unusable_setting_is_refused_at_the_start(call, name, value):
    done = call(**{name: value})
    assert done.returncode == 2
    assert done.stdout == ""
    assert "error:" in done.stderr
    assert "hint:" in done.stderr


def test_a_blank_setting_is_none(call):
    assert call(PAGERDUTY_SANDBOX="1", PAGERDUTY_REGION="", PAGERDUTY_TIMEOUT=" ").returncode == 0
