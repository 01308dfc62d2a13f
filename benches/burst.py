"""Measures the memory of a server while many lists arrive at once, and after they were answered.

    python3 benches/burst.py BINARY [BINARY ...] [--calls 200 1000 10000] [--unread 10]
        [--http 500] [--bursts 100]

The server talks MCP over standard input and output, or with `http` over HTTP, with so many clients
that have 50 credentials; one in ten reads its answer slowly. PagerDuty is a stand-in that answers
without delay with 100 incidents, recorded from the embedded account of the first binary. Each row
is a new process. With `unread`, the client reads nothing for the first seconds. With `bursts`, one
process answers so many bursts of 1,000 lists, and the memory after each one is compared.
"""

import argparse
import asyncio
import functools
import json
import multiprocessing
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable

ROWS = 100
LIST = {"limit": ROWS, "current_user_context": False, "team_ids": ["PXTI2A2"]}


def recorded(binary: str) -> bytes:
    """Returns a page of incidents from the embedded account, as an HTTP response."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([binary, "sandbox"], text=True, **pipes) as account:
        found: dict[str, str] = {}
        for line in account.stdout:
            found.update(re.findall(r"^(PAGERDUTY_API_\w+)=(\S+)", line))
            if len(found) == 2:
                break
        headers = {"Authorization": f"Token token={found['PAGERDUTY_API_TOKEN']}"}
        request = urllib.request.Request(
            f"{found['PAGERDUTY_API_HOST']}/incidents?limit={ROWS}", headers=headers
        )
        page = json.load(urllib.request.urlopen(request))
        account.terminate()
    rows = page["incidents"]
    page["incidents"] = [{**rows[n % len(rows)], "id": f"Q{n:013}"} for n in range(ROWS)]
    body = json.dumps(page).encode()
    head = ["HTTP/1.1 200 OK", "content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*head, "", ""]).encode() + body


def serve(response: bytes, ready) -> None:
    """Answers every request with the same response."""

    async def answer(reader, writer):
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(response)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def run():
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=4096)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def status(process: int, field: str) -> float:
    """Returns a value of a process in megabytes: VmRSS is now, VmHWM the peak."""
    with open(f"/proc/{process}/status") as lines:
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


class Server:
    """A server process with one session."""

    def __init__(self, binary: str, url: str) -> None:
        """Starts the process, and makes one call."""
        self.home = tempfile.TemporaryDirectory()
        env = {
            "PATH": os.environ["PATH"],
            "HOME": self.home.name,
            "PAGERDUTY_API_HOST": url,
            "PAGERDUTY_API_TOKEN": "u+stand-in",
            "PAGERDUTY_MAX_RESPONSE_TOKENS": "0",
        }
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self.process = subprocess.Popen([binary], env=env, **pipes)
        client = {"protocolVersion": "2025-06-18", "capabilities": {}}
        client["clientInfo"] = {"name": "burst", "version": "1"}
        self.send(id="start", method="initialize", params=client)
        self.process.stdout.readline()
        self.send(method="notifications/initialized")
        self.idle = self.memory("VmRSS")
        self.call("warm")
        self.read(1)

    def send(self, **message) -> None:
        """Sends a message."""
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def call(self, number) -> None:
        """Sends a call of a list."""
        params = {"name": "get_incidents", "arguments": LIST}
        self.send(id=number, method="tools/call", params=params)

    def read(self, answers: int) -> int:
        """Reads answers. Returns the number of errors: calls that exceeded the time limit."""
        lines = (json.loads(self.process.stdout.readline()) for _ in range(answers))
        return sum(bool(line["result"].get("isError")) for line in lines)

    def memory(self, field: str) -> float:
        """Returns a value of the process in megabytes."""
        return status(self.process.pid, field)


def measure(binary: str, url: str, calls: int, unread: float) -> dict[str, float]:
    """Returns the memory in megabytes and the duration in seconds of one run."""
    server = Server(binary, url)
    began = time.monotonic()
    sending = threading.Thread(target=lambda: [server.call(number) for number in range(calls)])
    sending.start()
    time.sleep(unread)
    errors = server.read(calls)
    sending.join()
    wall = time.monotonic() - began
    peak = server.memory("VmHWM")
    time.sleep(5)
    after = server.memory("VmRSS")
    server.process.kill()
    server.process.wait()
    return {"idle": server.idle, "peak": peak, "after 5 s": after, "wall": wall, "errors": errors}


CREDENTIALS = 50
SLOW = 10
"""One of so many HTTP clients reads slowly."""


async def ask(port: int, number: int) -> float:
    """Requests a list over HTTP like one of many clients. Returns the seconds it took."""
    began = time.monotonic()
    params = {"name": "get_incidents", "arguments": LIST}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    body = json.dumps(message).encode()
    head = [
        "POST /mcp HTTP/1.1",
        f"host: 127.0.0.1:{port}",
        "content-type: application/json",
        "accept: application/json, text/event-stream",
        f"x-pagerduty-token: u+stand-in-{number % CREDENTIALS}",
        f"content-length: {len(body)}",
        "connection: close",
    ]
    # A small buffer, so that a slow reader keeps its answer in the server.
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=16 * 1024)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    writer.write("\r\n".join([*head, "", ""]).encode() + body)
    answer = b""
    while piece := await reader.read(16 * 1024):
        answer += piece
        if number % SLOW == 0:
            await asyncio.sleep(0.2)
    writer.close()
    if b" 200 OK" not in answer[:20] or b'"isError":true' in answer[-100:]:
        raise RuntimeError(answer[:300])
    return time.monotonic() - began


def measure_http(binary: str, url: str, clients: int) -> dict[str, float]:
    """Returns the memory in megabytes and durations in seconds of many HTTP clients at once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        env = {"PATH": os.environ["PATH"], "HOME": home, "PAGERDUTY_API_HOST": url}
        env["PAGERDUTY_MAX_RESPONSE_TOKENS"] = "0"
        command = [binary, "--transport", "http", "--port", str(port)]
        process = subprocess.Popen(command, env=env, stderr=subprocess.DEVNULL)

        async def run() -> list:
            for _ in range(100):
                try:
                    await ask(port, 1)
                    break
                except ConnectionError:
                    await asyncio.sleep(0.05)
            calls = (ask(port, number) for number in range(clients))
            return await asyncio.gather(*calls, return_exceptions=True)

        outcomes = asyncio.run(run())
        peak = status(process.pid, "VmHWM")
        time.sleep(5)
        after = status(process.pid, "VmRSS")
        process.terminate()
        process.wait()
    errors = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    for error in errors[:1]:
        print(repr(error))
    answered = [outcome for number, outcome in enumerate(outcomes) if number % SLOW]
    slowest = max((seconds for seconds in answered if seconds not in errors), default=0.0)
    return {"peak": peak, "after 5 s": after, "slowest": slowest, "errors": len(errors)}


def measure_bursts(binary: str, url: str, bursts: int) -> dict[str, float]:
    """Returns the memory in megabytes after the third and the last of many bursts."""
    server = Server(binary, url)
    sizes = []
    for _ in range(bursts):
        sending = threading.Thread(target=lambda: [server.call(number) for number in range(1000)])
        sending.start()
        server.read(1000)
        sending.join()
        time.sleep(1)
        sizes.append(server.memory("VmRSS"))
    peak = server.memory("VmHWM")
    server.process.kill()
    server.process.wait()
    third = sizes[min(2, bursts - 1)]
    return {"third": third, "last": sizes[-1], "largest": max(sizes), "peak": peak}


def main() -> None:
    """Runs the measurements."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("binaries", nargs="+", metavar="BINARY")
    arguments.add_argument("--calls", nargs="+", type=int, default=[200, 1000, 10000])
    arguments.add_argument("--unread", type=float, default=10.0, help="seconds (default: 10)")
    arguments.add_argument("--http", type=int, default=0, help="clients over HTTP, instead")
    arguments.add_argument("--bursts", type=int, default=0, help="bursts of one process, instead")
    options = arguments.parse_args()
    here, there = multiprocessing.Pipe()
    response = recorded(options.binaries[0])
    standin = multiprocessing.Process(target=serve, args=(response, there), daemon=True)
    standin.start()
    url = f"http://127.0.0.1:{here.recv()}"
    runs: list[tuple[str, Callable[[str], dict[str, float]]]] = []
    if options.http:
        what = f"{options.http} clients over HTTP"
        runs.append((what, lambda binary: measure_http(binary, url, options.http)))
    if options.bursts:
        what = f"{options.bursts} bursts of 1,000 calls"
        runs.append((what, lambda binary: measure_bursts(binary, url, options.bursts)))
    if not runs:
        for calls, unread in [*((calls, 0.0) for calls in options.calls), (1000, options.unread)]:
            what = f"{calls} calls, unread {unread:.0f} s"
            runs.append((what, functools.partial(measure, url=url, calls=calls, unread=unread)))
    for what, run in runs:
        for binary in options.binaries:
            found = run(binary)
            figures = ", ".join(f"{name} {value:.1f}" for name, value in found.items())
            print(f"{what}, {binary}: {figures}", flush=True)
    standin.terminate()


if __name__ == "__main__":
    main()
