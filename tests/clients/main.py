"""Runs real clients against the server and prints a table of the results."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import clients
from account import Account
from checks import Observed
from environments import Pins
from model import Model
from scenarios import SCENARIOS, Scenario
from table import Line, table
from wire import Wire

HERE = Path(__file__).parent
RELEASE = HERE.parent.parent / "target" / "release" / "pagerduty-mcp-server"


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/clients/run", description=__doc__)
    parser.add_argument("clients", nargs="*", help="names from clients.toml; all of them if none")
    parser.add_argument("--binary", type=Path, default=RELEASE, help="the server")
    parser.add_argument("--scenario", action="append", help="only this one; may be repeated")
    parser.add_argument("--keep", type=Path, help="folder for what was printed and sent")
    parser.add_argument("--jobs", type=int, default=2, help="how many clients run at a time")
    parser.add_argument("--seconds", type=float, default=180, help="when to end a client")
    parser.add_argument("--write", action="store_true", help="write the table to results.md")
    return parser.parse_args()


def main() -> int:
    asked = options()
    pins, known = clients.read()
    unknown = set(asked.clients) - {client.name for client in known}
    if unknown:
        sys.exit(f"not in clients.toml: {', '.join(sorted(unknown))}")
    if not asked.binary.exists():
        sys.exit(f"{asked.binary} is not there: run cargo build --release, or pass --binary")
    lines = [Line(client) for client in known if client.name in (asked.clients or [client.name])]
    for line in lines:
        line.client.installed(pins)
    with ThreadPoolExecutor(asked.jobs) as pool:
        list(pool.map(lambda line: observe_all(line, pins, asked), lines))
    text = table(lines)
    print(text)
    if asked.write:
        write(text, asked.binary)
    return 1 if any(line.failed for line in lines) else 0


def observe_all(line: Line, pins: Pins, asked: argparse.Namespace) -> None:
    """Runs the scenarios that apply to a client, one after another."""
    for scenario in SCENARIOS:
        if scenario.applies(line.client) and scenario.name in (asked.scenario or [scenario.name]):
            observe(line, scenario, pins, asked)


def observe(line: Line, scenario: Scenario, pins: Pins, asked: argparse.Namespace) -> None:
    """Runs a scenario, adds the result to the line, and prints what is wrong."""
    run = ran(line.client, scenario, pins, asked)
    results = dict(scenario.checks(run))
    line.observed[scenario.name] = run
    line.checks |= results
    wrong = {name: why for name, why in results.items() if why}
    verdict = "FAILED" if wrong else "ok"
    said = [f"{line.client.name}: {scenario.name}: {verdict} ({run.seconds:.0f} s)"]
    said += [f"    {name}: {why}" for name, why in wrong.items()]
    if wrong and run.status != 0:
        said += [f"    exit status {run.status}:"]
        said += [f"    {text}" for text in run.output.strip().splitlines()[-8:]]
    # At once: other clients run at the same time.
    print("\n".join(said) + "\n", end="", flush=True)


def ran(
    client: clients.Client, scenario: Scenario, pins: Pins, asked: argparse.Namespace
) -> Observed:
    """Runs a scenario in a new home and on a new account."""
    faults = scenario.faults(client)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        home, log, server = folder / "home", folder / "wire", folder / "pagerduty"
        home.mkdir()
        account = stack.enter_context(Account(asked.binary, folder, faults))
        incident = account.incident()
        model = stack.enter_context(Model(scenario.script(incident), client.search))
        words = [sys.executable, "-I", HERE / "relay.py", log, asked.binary.resolve()]
        write_command(
            server, [*words, *scenario.arguments], account.variables | scenario.environment
        )
        start = client.start(pins, home, server, model.url, scenario.strict)
        began = time.monotonic()
        status, output = ended(start, home, folder / "output", asked.seconds)
        seconds = time.monotonic() - began
        notes = account.notes(incident["id"]) if scenario.notes else []
        if asked.keep:
            kept = asked.keep / f"{client.name}.{scenario.name.replace(' ', '-')}"
            kept.mkdir(parents=True, exist_ok=True)
            model.save(kept / "model.json")
            (kept / "output").write_text(output)
            (kept / "wire").write_text(log.read_text() if log.exists() else "")
        wire = Wire.read(log)
    return Observed(client, status, output, seconds, model.seen, wire, incident, notes)


def write_command(file: Path, words: list, variables: dict[str, str]) -> None:
    """Writes a command without arguments: some clients pass their servers no environment."""
    exports = [f"export {name}='{value}'\n" for name, value in variables.items()]
    file.write_text(
        "#!/bin/sh\n" + "".join(exports) + "exec " + " ".join(f"'{one}'" for one in words)
    )
    file.chmod(0o700)


def ended(start: clients.Start, home: Path, output: Path, seconds: float) -> tuple[int | None, str]:
    """Runs a client to its end, and ends what it has left behind."""
    with output.open("wb") as file:
        process = subprocess.Popen(
            start.command,
            env=start.environment,
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
        status = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(timeout=seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return status, output.read_text(errors="replace")


def write(text: str, binary: Path) -> None:
    version = subprocess.check_output([binary, "--version"], text=True).strip()
    day = datetime.date.today().isoformat()
    (HERE / "results.md").write_text(f"With {version}, {day}:\n\n{text}")


if __name__ == "__main__":
    sys.exit(main())
