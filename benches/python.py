"""What the Python door costs: importing it, a call, many calls, memory, Ctrl-C.

Run it from the repository, with a release build installed for figures that mean something:
`uv run --no-editable python benches/python.py`. It prints a table in Markdown.
"""

import asyncio
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pagerduty_mcp_server import PagerDuty, SyncPagerDuty, sandbox

CALLS = int(os.environ.get("CALLS", "50000"))
"""How many calls the memory is watched over."""


def milliseconds(work: Callable[[], object], times: int) -> list[float]:
    """How long each of so many runs takes."""
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        found.append((time.perf_counter() - begin) * 1e3)
    return found


def row(name: str, figures: list[float], unit: str = "ms") -> None:
    """Print the median and the spread."""
    tenths = statistics.quantiles(figures, n=10)
    spread = f"{tenths[0]:.2f} to {tenths[-1]:.2f}"
    print(f"| {name} | {statistics.median(figures):.2f} {unit} | {spread} |")


def importing() -> None:
    """A process that imports the package, next to one that does not."""

    def start(code: str) -> Callable[[], object]:
        # As with any installed package, the bytecode is there after the first time.
        return lambda: subprocess.run([sys.executable, "-c", code], check=True, env=writing)

    writing = {name: v for name, v in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    start("import pagerduty_mcp_server")()

    runs = 40
    bare, ours = [], []
    for _ in range(runs):
        bare += milliseconds(start("pass"), 1)
        ours += milliseconds(start("import pagerduty_mcp_server"), 1)
    row("bare interpreter", bare)
    row("with `import pagerduty_mcp_server`", ours)
    difference = statistics.median(ours) - statistics.median(bare)
    print(f"| difference of the medians | {difference:.2f} ms | |")


def calling() -> None:
    """One call at a time, next to the same request by the standard library."""
    import http.client

    with sandbox() as account:
        account.limit_rate(10**9)
        host = account.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host)

        def bare() -> object:
            connection.request(
                "GET", "/teams?limit=1", headers={"Authorization": f"Token token={account.token}"}
            )
            return json.loads(connection.getresponse().read())

        row("the bare request, by `http.client`", milliseconds(bare, 2_000))
        blocking = SyncPagerDuty()
        row(
            "`SyncPagerDuty.get_teams(limit=1)`",
            milliseconds(lambda: blocking.get_teams(limit=1), 2_000),
        )

        async def one_by_one() -> list[float]:
            pd, found = PagerDuty(), []
            for _ in range(2_000):
                begin = time.perf_counter()
                await pd.get_teams(limit=1)
                found.append((time.perf_counter() - begin) * 1e3)
            return found

        row("`await PagerDuty.get_teams(limit=1)`", asyncio.run(one_by_one()))
        teams = [team["id"] for team in account.teams]

        def hundred() -> object:
            return blocking.get_incidents(current_user_context=False, team_ids=teams, limit=100)

        row("`SyncPagerDuty.get_incidents(limit=100)`", milliseconds(hundred, 100))


def awaiting() -> None:
    """A thousand at once."""
    with sandbox() as account:
        account.limit_rate(10**9)

        async def thousand() -> None:
            pd = PagerDuty()
            await asyncio.gather(*(pd.get_teams(limit=1) for _ in range(1_000)))

        row("1,000 concurrent awaits", milliseconds(lambda: asyncio.run(thousand()), 5))


def resident() -> float:
    """The memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def remembering() -> None:
    """Memory over many calls, of both kinds."""
    with sandbox() as account:
        account.limit_rate(10**9)
        pd, blocking = PagerDuty(), SyncPagerDuty()

        async def awaited(count: int) -> None:
            for _ in range(count // 100):
                await asyncio.gather(*(pd.get_teams(limit=1) for _ in range(100)))

        def watch(name: str, calls: Callable[[int], object]) -> None:
            # The account remembers the last 10,000 requests: it has to be full first.
            calls(11_000)
            before, steps = resident(), []
            for _ in range(5):
                calls(CALLS // 5)
                steps.append(f"{resident() - before:+.1f}")
            text = ", ".join(steps)
            what = f"memory over {CALLS:,} {name}, by fifths, from {before:.0f} MB"
            print(f"| {what} | {text} MB | |")

        watch("awaited calls", lambda count: asyncio.run(awaited(count)))

        def blocked(count: int) -> None:
            for _ in range(count):
                blocking.get_teams(limit=1)

        watch("blocking calls", blocked)


HANGS = """
import asyncio, time
from pagerduty_mcp_server import PagerDuty, SyncPagerDuty
print("begin", flush=True)
try:
    {call}
except KeyboardInterrupt:
    pass
print(time.time(), flush=True)
"""


def interrupting() -> None:
    """From Ctrl-C to the next line of the program, and to the end of the server."""
    with sandbox() as account:
        account.fail_next(kind="hang", path="/teams", times=1_000)
        for call in ("asyncio.run(PagerDuty().get_teams())", "SyncPagerDuty().get_teams()"):
            found = []
            for _ in range(15):
                account.clear()
                account.fail_next(kind="hang", path="/teams", times=1_000)
                code = [sys.executable, "-c", HANGS.format(call=call)]
                with subprocess.Popen(code, stdout=subprocess.PIPE, text=True) as process:
                    while not account.requests:
                        time.sleep(0.01)
                    sent = time.time()
                    process.send_signal(signal.SIGINT)
                    assert process.stdout is not None
                    found.append((float(process.stdout.read().split()[-1]) - sent) * 1e3)
            row(f"Ctrl-C to the end of `{call}`", found)
    found = []
    for _ in range(15):
        command = [sys.executable, "-m", "pagerduty_mcp_server", "--sandbox"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write('{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
            process.stdin.flush()
            process.stdout.readline()
            begin = time.perf_counter()
            process.send_signal(signal.SIGINT)
            process.wait()
            found.append((time.perf_counter() - begin) * 1e3)
    row("Ctrl-C to the end of the server", found)


def main() -> None:
    """Measure everything."""
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| what | median | tenth to ninetieth percentile |\n|---|---|---|")
    importing()
    calling()
    awaiting()
    interrupting()
    remembering()


if __name__ == "__main__":
    main()
