"""Tests of calls during signals, forks, threads and the exit of the interpreter."""

import socket
import subprocess
import sys

import pytest
from doors import environment

pytestmark = [pytest.mark.unit, pytest.mark.client]

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks are those of POSIX")


def run(code: str, account=None, **variables: str) -> list[str]:
    """Run code in a separate interpreter, and return the lines that it prints."""
    pointing = account.environment if account else {}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment(**pointing | variables),
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    return done.stdout.splitlines()


STUCK = """
import asyncio, os
from pagerduty_mcp_server import PagerDuty, PagerDutyError, sandbox

async def main():
    logins = []
    for n in range(30):
        # Different settings, so that each client asks the keyring separately.
        logins.append(asyncio.ensure_future(PagerDuty(timeout=120).get_teams()))
    impatient = PagerDuty(timeout=0.1)
    try:
        await impatient.get_teams()
    except PagerDutyError as error:
        print(error.code)
    with sandbox() as account:
        print(bool((await account.client().get_teams())["teams"]))
    print(any(login.done() for login in logins), flush=True)
    os._exit(0)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the keyring of others is not on a bus")
def test_answers_arrive_while_keyring_hangs(tmp_path):
    """The bus accepts connections and never answers, like a keyring that waits for its user."""
    path = str(tmp_path / "bus")
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(path)
        bus.listen(100)
        lines = run(
            STUCK, PAGERDUTY_CLIENT_ID="a-client", DBUS_SESSION_BUS_ADDRESS=f"unix:path={path}"
        )
    assert lines == ["TOKEN_STORE_UNAVAILABLE", "True", "False"]


HANDLER = """
import asyncio, os, signal
from pagerduty_mcp_server import SyncPagerDuty, sandbox

with sandbox() as account:
    account.fail_next(kind="hang", path="/teams")
    pd = SyncPagerDuty(timeout=30)
    called = []

    def handler(number, frame):
        called.append(number)
        print(bool(pd.get_services()["services"]), len(account.requests) > 0)
        with sandbox() as other:
            print(bool(other.sync_client().get_teams()["teams"]))
        if len(called) == 2:
            raise KeyboardInterrupt
        signal.setitimer(signal.ITIMER_REAL, 0.01)

    signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        pd.get_teams()
    except KeyboardInterrupt:
        print("interrupted")
"""


@POSIX
def test_signal_handler_may_call_during_blocking_call(nowhere):
    assert run(HANDLER) == ["True True", "True"] * 2 + ["interrupted"]


SHARING = """
import signal
from pagerduty_mcp_server import SyncPagerDuty, sandbox

with sandbox() as account:
    account.delay_next(1, path="/users/me")
    pd = SyncPagerDuty(timeout=30)
    answers = []
    signal.signal(signal.SIGALRM, lambda *_: answers.append(pd.get_incidents()["incidents"]))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    answers.append(pd.get_incidents()["incidents"])
    print(len(answers), answers[0] == answers[1])
    print([one["path"] for one in account.requests].count("/users/me"))
"""


@POSIX
def test_signal_handler_may_share_fetch_of_blocking_call():
    assert run(SHARING) == ["2 True", "1"]


DAEMONS = """
import threading, warnings
warnings.simplefilter("ignore")
from pagerduty_mcp_server import SyncPagerDuty, sandbox

account = sandbox().__enter__()
account.fail_next(kind="hang", path="/teams", times=100)
pd = SyncPagerDuty(timeout=60)
for _ in range(8):
    threading.Thread(target=pd.get_teams, daemon=True).start()
while len(account.requests) < 8:
    pass
print("ends")
"""


def test_program_may_exit_while_daemon_threads_wait():
    assert run(DAEMONS) == ["ends"]


LATE = """
import asyncio, atexit
{before}
from pagerduty_mcp_server import PagerDuty, SyncPagerDuty, mcp

def late():
    print(bool(SyncPagerDuty().get_teams()["teams"]))
    for call in (mcp.call_tool("get_teams"), PagerDuty().get_teams()):
        try:
            print(bool(asyncio.run(asyncio.wait_for(call, 20))["teams"]))
        except RuntimeError as error:
            print("refused", "ending" in str(error))

{after}
asyncio.run(PagerDuty().get_teams())
"""


@pytest.mark.parametrize(
    ("place", "answers"),
    [("after", ["True"] * 3), ("before", ["True", "refused True", "refused True"])],
)
def test_call_at_interpreter_exit_is_answered_or_refused(pagerduty_sandbox, place, answers):
    """Python calls registered functions in reverse order, and the package registers one of them."""
    places = {"before": "", "after": ""} | {place: "atexit.register(lambda: late())"}
    assert run(LATE.format(**places), pagerduty_sandbox) == answers


FORKED = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")
from pagerduty_mcp_server import SyncPagerDuty, sandbox

with sandbox() as account:
    SyncPagerDuty().get_teams()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        uses = [
            lambda: account.incidents, lambda: account.requests, lambda: account.clear(),
            lambda: account.trigger(title="x"), lambda: account.fail_next(),
            lambda: account.limit_rate(1), lambda: account.notes("x"), lambda: account.description,
            lambda: sandbox().__enter__(),
        ]
        for use in uses:
            try:
                use()
                print("used")
            except RuntimeError as error:
                assert "fork" in str(error), error
        sys.exit(7)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print(bool(account.incidents), bool(SyncPagerDuty().get_teams()["teams"]))
"""


@POSIX
def test_forked_process_gets_error_and_with_block_ends(nowhere):
    assert run(FORKED) == ["7", "True True"]


DELIVERING = """
import asyncio, os, sys, threading, time, warnings
warnings.simplefilter("ignore")
from pagerduty_mcp_server import PagerDuty, sandbox

with sandbox() as account:
    pd = PagerDuty()
    asyncio.run(pd.get_teams())
    account.clear()
    account.delay_next(0.5, path="/teams", times=20)

    async def calls():
        await asyncio.gather(*(pd.get_teams() for _ in range(20)))

    thread = threading.Thread(target=lambda: asyncio.run(calls()))
    thread.start()
    while len(account.requests) < 20:
        pass
    # The answers arrive and wait for the interpreter, so they are in flight when it forks.
    sys.setswitchinterval(1000)
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        pass
    begin = time.monotonic()
    child = os.fork()
    if child == 0:
        sys.exit(7)
    status = os.waitpid(child, 0)[1]
    print(os.waitstatus_to_exitcode(status), time.monotonic() - begin)
    sys.setswitchinterval(0.005)
    thread.join()
"""


@POSIX
def test_forked_process_does_not_wait_for_answers_in_flight():
    (line,) = run(DELIVERING)
    code, seconds = line.split()
    assert code == "7"
    # It would wait for 10 s. The exit of an interpreter takes some milliseconds.
    assert float(seconds) < 8
