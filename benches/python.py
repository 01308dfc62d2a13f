"""Measures how fast Python programs end on Ctrl-C, and their memory over many calls.

Run it from the repository with a release build installed, since a debug build is much slower:
`uv run --no-editable python benches/python.py`. It prints a Markdown table. `cargo bench` runs all
other measurements.
"""

import asyncio
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
"""The number of calls over which memory is measured."""


def row(name: str, figures: list[float], unit: str = "ms") -> None:
    """Print the median and the spread."""
    tenths = statistics.quantiles(figures, n=10)
    spread = f"{tenths[0]:.2f} to {tenths[-1]:.2f}"
    print(f"| {name} | {statistics.median(figures):.2f} {unit} | {spread} |")


def resident() -> float:
    """Return the memory of this process, in MB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def measure_memory() -> None:
    """Measure memory over many awaited and many blocking calls."""
    with sandbox() as account:
        account.limit_rate(10**9)
        pd, blocking = PagerDuty(), SyncPagerDuty()

        async def awaited(count: int) -> None:
            for _ in range(count // 100):
                await asyncio.gather(*(pd.get_teams(limit=1) for _ in range(100)))

        def watch(name: str, calls: Callable[[int], object]) -> None:
            # The account records the last 10,000 requests. Fill that record first.
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


def measure_interrupts() -> None:
    """Measure the time from Ctrl-C to the next line of a program, and to the end of the server."""
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
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PAGERDUTY_SANDBOX_STATE": "memory"},
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
    """Run all measurements."""
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| what | median | tenth to ninetieth percentile |\n|---|---|---|")
    measure_interrupts()
    measure_memory()


if __name__ == "__main__":
    main()
