"""Tests that the binary and the Python server use the same login in the keyring.

Only the click in the browser is simulated. The Secret Service (gnome-keyring on a separate D-Bus
session with a separate home), Python's `keyring` and the native binary are real, and the sandbox is
API and identity server.
"""

import importlib.util
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import time
from typing import NoReturn

import pytest
from conftest import SandboxProcess
from doors import DEADLINE, environment, native

pytestmark = [pytest.mark.unit, pytest.mark.client]

SERVICE = "pagerduty_mcp_server"
TOKEN = "pdus+_sandbox-oauth"
"""An OAuth token that the sandbox accepts without a login."""

START = """
printf pass | gnome-keyring-daemon --unlock --components=secrets >&2 || exit 1
echo "$DBUS_SESSION_BUS_ADDRESS"
cat >/dev/null
"""
"""A program that starts a session, prints the address of its bus, and waits for end of input."""

ITEMS = """
import json, secretstorage
collection = secretstorage.get_default_collection(secretstorage.dbus_init())
print(json.dumps([item.get_attributes() for item in collection.get_all_items()]))
"""

BARE = """
import sys, secretstorage
collection = secretstorage.get_default_collection(secretstorage.dbus_init())
names = {"service": sys.argv[1], "username": sys.argv[2]}
collection.create_item("bare", names, sys.argv[3].encode())
"""
"""A program that stores an item without the third attribute of Python's `keyring`."""

CLEAR = """
import secretstorage
collection = secretstorage.get_default_collection(secretstorage.dbus_init())
for item in list(collection.get_all_items()):
    item.delete()
"""

STORE_AND_READ = """
import keyring
keyring.set_password("service", "name", "stored")
print(keyring.get_password("service", "name"))
"""

BROWSER = """#!{python}
import sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({{}}))
opener.open(sys.argv[1], timeout=10).read()
"""
"""A program that follows the login page to its end, like a user."""


@dataclass(frozen=True)
class Keyring:
    """A desktop session with an unlocked keyring."""

    variables: dict[str, str]

    def python(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run Python in the session."""
        return subprocess.run(
            [sys.executable, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=environment(**self.variables),
            timeout=DEADLINE,
            check=False,
        )

    def store(self, name: str, value: str) -> None:
        """Store an entry with Python's `keyring`."""
        done = self.python("-m", "keyring", "set", SERVICE, name, stdin=value)
        assert done.returncode == 0, done.stderr

    def read(self, name: str) -> str | None:
        """Read an entry with Python's `keyring`, which exits with 1 if there is none."""
        done = self.python("-m", "keyring", "get", SERVICE, name)
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout.rstrip("\n") if done.returncode == 0 else None

    def store_bare(self, name: str, value: str) -> None:
        """Store an entry without the mark of Python's `keyring`."""
        done = self.python("-c", BARE, SERVICE, name, value)
        assert done.returncode == 0, done.stderr

    def names(self) -> list[str]:
        """Return the names of all entries, one for each item in the collection."""
        done = self.python("-c", ITEMS)
        assert done.returncode == 0, done.stderr
        items = json.loads(done.stdout)
        assert all(item["service"] == SERVICE for item in items)
        return sorted(item["username"] for item in items)

    def clear(self) -> None:
        """Remove all entries."""
        done = self.python("-c", CLEAR)
        assert done.returncode == 0, done.stderr


def without(reason: str) -> NoReturn:
    """Skip the test, or fail it where skipping is not allowed."""
    if os.environ.get("PAGERDUTY_MCP_KEYRING") == "required":
        pytest.fail(f"no keyring to test with: {reason}", pytrace=False)
    pytest.skip(f"NOT RUN, no keyring to test with: {reason}")


def missing() -> str | None:
    """Return the reason why these tests cannot run, if any."""
    for command in ("dbus-run-session", "gnome-keyring-daemon"):
        if shutil.which(command) is None:
            return f"{command} is not installed (Debian: apt-get install gnome-keyring dbus)"
    for package in ("keyring", "secretstorage"):
        if importlib.util.find_spec(package) is None:
            return f"the Python package {package} is not installed (uv run --group dev)"
    return None


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyring]:
    """Start the session."""
    if reason := missing():
        without(reason)
    home = tmp_path_factory.mktemp("home")
    (runtime := home / "runtime").mkdir(mode=0o700)
    variables = {
        "HOME": str(home),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "XDG_RUNTIME_DIR": str(runtime),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring",
    }
    with (home / "log").open("w+", encoding="utf-8") as log:
        session = subprocess.Popen(
            ["dbus-run-session", "--", "sh", "-c", START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment(**variables),
        )
        assert session.stdin is not None
        assert session.stdout is not None
        try:
            # A container may forbid an operation that the daemon needs, such as locking memory.
            address = session.stdout.readline().strip()
            if not address:
                log.seek(0)
                without(f"it does not start: {log.read()[-500:]}")
            yield Keyring(variables | {"DBUS_SESSION_BUS_ADDRESS": address})
        finally:
            session.stdin.close()
            session.wait(DEADLINE)


@pytest.fixture
def keyring(desktop: Keyring) -> Keyring:
    """Return the session without any stored entry."""
    desktop.clear()
    return desktop


@dataclass(frozen=True)
class Ours:
    """The native binary in the session, without any credential but that in the keyring."""

    cwd: Path
    variables: dict[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return native().run(*arguments, cwd=self.cwd, **self.variables)

    def teams(self) -> int:
        """Return the number of teams that a call finds, which must succeed."""
        done = self.run("call", "get_teams")
        assert done.returncode == 0, (done.stdout, done.stderr)
        return json.loads(done.stdout)["metadata"]["count"]

    def log_in(self) -> None:
        done = self.run("auth", "login")
        assert done.returncode == 0, (done.stdout, done.stderr)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def ours(keyring: Keyring, sandbox: SandboxProcess, nowhere: Path, tmp_path: Path) -> Ours:
    browser = tmp_path / "browser"
    browser.write_text(BROWSER.format(python=sys.executable), encoding="utf-8")
    browser.chmod(0o700)
    return Ours(
        nowhere,
        keyring.variables
        | {
            "BROWSER": str(browser),
            "PAGERDUTY_CLIENT_ID": "client",
            "PAGERDUTY_API_HOST": sandbox.url,
            "PAGERDUTY_IDENTITY_HOST": sandbox.url,
            "PAGERDUTY_OAUTH_CALLBACK_PORT": str(free_port()),
        },
    )


def no_browser(ours: Ours) -> Ours:
    """Return the native binary. A login in the browser would fail and be noticed."""
    return Ours(ours.cwd, ours.variables | {"BROWSER": os.devnull, "PAGERDUTY_OAUTH_TIMEOUT": "1"})


# Programs differ in whether they store fractions of seconds.
@pytest.mark.parametrize("fraction", ["", ".25"])
def test_keyring_token_stored_by_python_is_used(keyring: Keyring, ours: Ours, fraction):
    keyring.store("oauth_token", TOKEN)
    keyring.store("token_expiry", f"{int(time()) + 3600}{fraction}")
    assert no_browser(ours).teams() > 0
    assert keyring.read("oauth_token") == TOKEN


def test_keyring_token_stored_by_binary_is_read_by_python(keyring: Keyring, ours: Ours):
    ours.log_in()
    token = keyring.read("oauth_token")
    assert token is not None
    request = urllib.request.Request(
        f"{ours.variables['PAGERDUTY_API_HOST']}/users/me",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200
    assert float(keyring.read("token_expiry") or 0) > time()
    assert no_browser(ours).teams() > 0


def test_keyring_programs_replace_each_others_token(keyring: Keyring, ours: Ours):
    keyring.store("oauth_token", "stale")
    keyring.store("token_expiry", "1")
    ours.log_in()
    after_ours = keyring.names()
    assert len(after_ours) == len(set(after_ours)), "a second item beside Python's"
    assert keyring.read("oauth_token") not in (None, "stale")

    keyring.store("oauth_token", TOKEN)
    keyring.store("token_expiry", str(int(time()) + 3600))
    assert keyring.names() == after_ours, "a second item beside ours"
    assert no_browser(ours).teams() > 0


def test_keyring_logout_removes_python_token(keyring: Keyring, ours: Ours):
    for name in ("oauth_token", "token_expiry", "refresh_token"):
        keyring.store(name, "1")
    done = ours.run("auth", "logout")
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert keyring.names() == []


def test_keyring_duplicate_items_prefer_python_until_login(keyring: Keyring, ours: Ours):
    keyring.store_bare("oauth_token", "stale")
    keyring.store("oauth_token", TOKEN)
    keyring.store("token_expiry", str(int(time()) + 3600))
    assert keyring.names().count("oauth_token") == 2
    assert no_browser(ours).teams() > 0

    ours.log_in()
    assert keyring.names().count("oauth_token") == 1
    assert keyring.read("oauth_token") not in (None, "stale")


def test_documented_keyring_without_desktop_keeps_output_clean(tmp_path: Path):
    if reason := missing():
        without(reason)
    page = Path(__file__).parents[2] / "docs" / "authentication.md"
    _, _, rest = page.read_text(encoding="utf-8").partition("  dbus-run-session -- sh -c")
    recipe = "dbus-run-session -- sh -c" + rest.partition("```")[0]
    # The first program that uses the keyring stores an entry and reads it.
    program = shlex.join([sys.executable, "-c", STORE_AND_READ]).replace("'", "'\\''")
    recipe = recipe.replace("exec pagerduty-mcp-server", f"exec {program}")
    (runtime := tmp_path / "runtime").mkdir(mode=0o700)
    variables = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime), "PASSWORD": "pass"}
    variables |= {"PYTHON_KEYRING_BACKEND": "keyring.backends.SecretService.Keyring"}
    done = subprocess.run(
        ["sh", "-c", recipe],
        capture_output=True,
        text=True,
        env=environment(**variables),
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "stored\n"), done.stderr
