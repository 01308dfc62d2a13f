"""Settings: where they come from, which wins, and what is refused."""

import json
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
    assert call(DOTENV + "PAGERDUTY_TIMEOUT=soon\n", PAGERDUTY_TIMEOUT="20").returncode == 0
    done = call(DOTENV.replace("sandbox-user", "wrong"), PAGERDUTY_API_TOKEN="")
    assert done.returncode == 2, "blank is set, too: the file's token is not used"
    assert "wrong" not in done.stdout + done.stderr


KEYS = {"PAGERDUTY_API_TOKEN": "u+mine", "PAGERDUTY_CLIENT_ID": ""}
LOGIN = {"PAGERDUTY_CLIENT_ID": "mine", "PAGERDUTY_TOKEN_STORE": "file"}


@pytest.mark.parametrize(
    ("file", "variables"),
    [
        ("", KEYS),
        ("PAGERDUTY_API_TOKEN=theirs", KEYS),
        ("PAGERDUTY_USER_API_KEY=theirs", KEYS),
        ("PAGERDUTY_API_TOKEN=", LOGIN),
        ("PAGERDUTY_API_TOKEN=\nPAGERDUTY_CLIENT_ID=theirs\nPAGERDUTY_TOKEN_STORE=file", {}),
        ("PAGERDUTY_API_TOKEN=theirs", LOGIN | {"PAGERDUTY_API_TOKEN": ""}),
    ],
)
def test_a_files_host_gets_no_credential_but_the_files_own(
    call, sandbox, tmp_path, file, variables
):
    folder = tmp_path / "pagerduty_mcp_server"
    folder.mkdir(mode=0o700)
    login = {"oauth_token": "mine", "token_expiry": "9999999999"}
    (folder / "tokens.json").touch(mode=0o600)
    (folder / "tokens.json").write_text(json.dumps(login), encoding="utf-8")
    state = {"XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    done = call(f"PAGERDUTY_API_HOST={{url}}\n{file}\n", **state, **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert "PAGERDUTY_API_HOST" in done.stderr
    assert "hint:" in done.stderr
    assert sandbox.requests() == []


@pytest.mark.parametrize("value", ["$SECRET", "${SECRET}", '"${SECRET}"'])
def test_a_files_credential_holds_nothing_of_the_environment(call, sandbox, value):
    literal = value.replace("{", "{{").replace("}", "}}")
    file = f"PAGERDUTY_API_HOST={{url}}\nPAGERDUTY_API_TOKEN={literal}"
    done = call(file, SECRET="sandbox-user")
    assert done.returncode == 1, "with the environment's key it would have been a success"
    assert json.loads(done.stdout)["error"]["code"] == "INVALID_CONFIGURATION"
    assert sandbox.requests() == [], "a variable is no key, and is not sent"


def test_over_http_a_file_does_not_say_where_the_callers_credentials_go(door, sandbox, tmp_path):
    (tmp_path / ".env").write_text(DOTENV.format(url=sandbox.url), encoding="utf-8")
    done = door.run("--transport", "http", "--port", "0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "PAGERDUTY_API_HOST" in done.stderr
    assert "X-PagerDuty-Token" in done.stderr
    assert "hint:" in done.stderr


def test_a_login_does_not_go_where_a_file_with_a_key_says(door, sandbox, tmp_path):
    (tmp_path / ".env").write_text(DOTENV.format(url=sandbox.url), encoding="utf-8")
    opened = tmp_path / "opened"
    login = LOGIN | {"BROWSER": f"touch '{opened}'", "PAGERDUTY_OAUTH_TIMEOUT": "0.1"}
    done = door.run("auth", "login", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path), **login)
    assert (done.returncode, done.stdout) == (2, "")
    assert "PAGERDUTY_API_HOST" in done.stderr
    assert not opened.exists()
    assert sandbox.requests() == []


def test_whoever_names_a_region_does_not_mean_a_files_host(door, tmp_path):
    (tmp_path / ".env").write_text("PAGERDUTY_API_HOST=http://127.0.0.1:9\n", encoding="utf-8")
    done = door.run("--region", "eu", "auth", "status", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["host"] == "https://api.eu.pagerduty.com"


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
