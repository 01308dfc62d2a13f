"""Tests of settings: their sources, their precedence, and the refused values."""

import json
from pathlib import Path

import pytest
from doors import Door

pytestmark = [pytest.mark.unit, pytest.mark.utils]


@pytest.fixture
def call(door: Door, sandbox, tmp_path: Path):
    """Return a function that calls `get_teams` in a folder with a `.env` file in it or above it."""

    def call(dotenv: str = "", directory: str = ".", **variables: str):
        cwd = tmp_path / directory
        cwd.mkdir(exist_ok=True, parents=True)
        if dotenv:
            (tmp_path / ".env").write_text(dotenv.format(url=sandbox.url), encoding="utf-8")
        return door.run("call", "get_teams", "limit=1", cwd=cwd, **variables)

    return call


DOTENV = "PAGERDUTY_API_HOST={url}\nPAGERDUTY_API_TOKEN=sandbox-user\n"


@pytest.mark.parametrize("directory", [".", "below/it"])
def test_dotenv_is_loaded_from_folder_or_parent(call, directory):
    assert call(DOTENV, directory).returncode == 0


def test_dotenv_yields_to_environment(call):
    assert call(DOTENV + "PAGERDUTY_TIMEOUT=soon\n", PAGERDUTY_TIMEOUT="20").returncode == 0
    done = call(DOTENV.replace("sandbox-user", "token-of-the-file"), PAGERDUTY_API_TOKEN="")
    assert done.returncode == 2, "blank is set, too: the file's token is not used"
    assert "token-of-the-file" not in done.stdout + done.stderr


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
def test_dotenv_host_gets_only_dotenv_credential(call, sandbox, tmp_path, file, variables):
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
def test_dotenv_does_not_expand_variables(call, sandbox, value):
    literal = value.replace("{", "{{").replace("}", "}}")
    file = f"PAGERDUTY_API_HOST={{url}}\nPAGERDUTY_API_TOKEN={literal}"
    done = call(file, SECRET="sandbox-user")
    assert done.returncode == 1, "with the environment's key it would have been a success"
    assert json.loads(done.stdout)["error"]["code"] == "INVALID_CONFIGURATION"
    assert sandbox.requests() == [], "a variable is no key, and is not sent"


def test_dotenv_host_gets_no_credential_of_http_callers(door, sandbox, tmp_path):
    (tmp_path / ".env").write_text(DOTENV.format(url=sandbox.url), encoding="utf-8")
    done = door.run("--transport", "http", "--port", "0", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "PAGERDUTY_API_HOST" in done.stderr
    assert "X-PagerDuty-Token" in done.stderr
    assert "hint:" in done.stderr


def test_dotenv_host_gets_no_login(door, sandbox, tmp_path):
    (tmp_path / ".env").write_text(DOTENV.format(url=sandbox.url), encoding="utf-8")
    opened = tmp_path / "opened"
    login = LOGIN | {"BROWSER": f"touch '{opened}'", "PAGERDUTY_OAUTH_TIMEOUT": "0.1"}
    done = door.run("auth", "login", cwd=tmp_path, XDG_STATE_HOME=str(tmp_path), **login)
    assert (done.returncode, done.stdout) == (2, "")
    assert "PAGERDUTY_API_HOST" in done.stderr
    assert not opened.exists()
    assert sandbox.requests() == []


def test_dotenv_host_yields_to_region(door, tmp_path):
    (tmp_path / ".env").write_text("PAGERDUTY_API_HOST=http://127.0.0.1:9\n", encoding="utf-8")
    done = door.run("--region", "eu", "auth", "status", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["host"] == "https://api.eu.pagerduty.com"


def test_pagerduty_user_api_key_is_second_choice(call, sandbox):
    host = {"PAGERDUTY_API_HOST": sandbox.url}
    assert call(**host, PAGERDUTY_USER_API_KEY="sandbox-user").returncode == 0
    both = {"PAGERDUTY_USER_API_KEY": "wrong", "PAGERDUTY_API_TOKEN": "sandbox-user"}
    assert call(**host, **both).returncode == 0


def test_dotenv_broken_error_hides_content(call):
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
def test_settings_invalid_stop_start(call, name, value):
    done = call(**{name: value})
    assert done.returncode == 2
    assert done.stdout == ""
    assert "error:" in done.stderr
    assert "hint:" in done.stderr


def test_settings_blank_count_as_unset(call):
    assert call(PAGERDUTY_SANDBOX="1", PAGERDUTY_REGION="", PAGERDUTY_TIMEOUT=" ").returncode == 0
