"""Measures the memory of a server while many lists arrive at once, and after they were answered.

    python3 benches/burst.py BINARY [BINARY ...] [--calls 200 1000 10000] [--unread 10]

The server talks MCP over standard input and output. PagerDuty is a stand-in that answers without
delay with 100 incidents, recorded from the embedded account of the first binary. Each row is a new
process. With `unread`, the client reads nothing for the first seconds.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.request

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
        """Returns a value of the process in megabytes: VmRSS is now, VmHWM the peak."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith(field))


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


def main() -> None:
    """Runs the measurements."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("binaries", nargs="+", metavar="BINARY")
    arguments.add_argument("--calls", nargs="+", type=int, default=[200, 1000, 10000])
    arguments.add_argument("--unread", type=float, default=10.0, help="seconds (default: 10)")
    options = arguments.parse_args()
    here, there = multiprocessing.Pipe()
    response = recorded(options.binaries[0])
    standin = multiprocessing.Process(target=serve, args=(response, there), daemon=True)
    standin.start()
    url = f"http://127.0.0.1:{here.recv()}"
    runs = [(calls, 0.0) for calls in options.calls] + [(1000, options.unread)]
    for calls, unread in runs:
        for binary in options.binaries:
            found = measure(binary, url, calls, unread)
            figures = ", ".join(f"{name} {value:.1f}" for name, value in found.items())
            print(f"{calls} calls, unread {unread:.0f} s, {binary}: {figures}", flush=True)
    standin.terminate()


if __name__ == "__main__":
    main()
