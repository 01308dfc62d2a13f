"""Differential test: two binaries of the server have to give the same answers, byte for byte.

    python3 tests/differential/compare.py OLD NEW [--seed N] [--cases N] [--keep DIR]

Both binaries make the same calls to identical stand-ins for PagerDuty. These answer with recorded
bodies of OLD's sandbox and with mutations of them: wrong types at every known field, odd numbers
and texts, bodies that are not JSON, pages, errors. The calls go over standard input and output,
over HTTP, and through the command `call`, in both formats, with several token budgets, with
`include`. Every tenth batch sends MCP messages that are odd or malformed.

Only ports, dates of HTTP responses and times of log lines may differ. Every difference is
repeated in its batch and alone, and the report says where it appears again. The exit status is 1
if there are differences.

`--keep DIR` writes the differing cases there: the arguments, the bodies and both answers. `--only
N` runs the batch of case N. A seed gives the same cases as long as the recorded bodies are the
same; they contain times relative to now. It needs Python 3.10 or newer and nothing else.
"""

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cases
import protocol
from cases import BATCH, Batch, Case, Corpus, scenarios
from doors import DOORS, message
from standin import StandIn

REASON = re.compile(rb"(?<= is not usable: ).*? at line [0-9]+ column [0-9]+")
"""The reason in the message of `UNEXPECTED_RESPONSE`, which quotes the JSON library."""
NUMBER = re.compile(rb"(?<=[:,\[])-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?=[],}])")
LENGTH = re.compile(rb"(?im)^content-length: [0-9]+")
CODE = re.compile(rb'"code\\?": ?\\?"([A-Z_]+)')
LANES = 8
"""Batches at a time in one worker: some calls wait between attempts."""


@dataclass
class Difference:
    """A case with different answers."""

    case: Case
    batch: Batch
    old: bytes
    new: bytes
    scope: str
    """Where it repeats: alone, only within its batch, or not at all."""

    @property
    def is_reason(self) -> bool:
        """Whether only the reason why an answer is unusable differs."""
        return REASON.sub(b"", self.old) == REASON.sub(b"", self.new)

    @property
    def is_number(self) -> bool:
        """Whether only reasons, and the text of equal numbers, differ."""
        return spelled(REASON.sub(b"", self.old)) == spelled(REASON.sub(b"", self.new))


@dataclass
class Run:
    """The two binaries, and what they are run with."""

    old: Path
    new: Path
    corpus: Corpus
    seed: int
    folder: str

    async def both(self, chosen: Batch) -> "list[tuple[bytes, bytes]]":
        """Run a batch with both binaries at the same time."""
        doors = [
            DOORS[chosen.door](path, self.corpus, chosen, self.folder)
            for path in (self.old, self.new)
        ]
        old, new = await asyncio.gather(*(door.run() for door in doors))
        return list(zip(old, new, strict=True))

    async def compare(self, number: int) -> "tuple[Counter[str], list[Difference]]":
        """Run a batch; repeat what differs. Also returns how often there was which outcome."""
        chosen = cases.batch(self.corpus, self.seed, number)
        if chosen.door.endswith("protocol"):
            chosen.lines = protocol.lines(self.corpus, self.seed, number)
        first = await self.both(chosen)
        codes = (CODE.search(old) for old, _ in first)
        outcomes = Counter(found[1].decode() if found else "success" for found in codes)
        differing = [at for at, (old, new) in enumerate(first) if old != new]
        if not differing:
            return outcomes, []
        again = await self.both(chosen)
        found = []
        for at in differing:
            alone = replace(chosen, cases=[chosen.cases[at]])
            old, new = (await self.both(alone))[0]
            if old != new:
                found.append(Difference(chosen.cases[at], alone, old, new, "alone"))
            elif again[at][0] != again[at][1]:
                found.append(
                    Difference(
                        chosen.cases[at],
                        chosen,
                        *again[at],
                        "only after the calls before it in its batch",
                    )
                )
            else:
                found.append(Difference(chosen.cases[at], chosen, *first[at], "not repeated"))
        return outcomes, found


async def record(binary: Path, folder: str) -> Corpus:
    """Record the answers of a binary's sandbox to the requests of all scenarios."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "PAGERDUTY_SANDBOX_STATE": "memory",
        "HOME": "/nonexistent",
    }
    pipe = asyncio.subprocess.PIPE
    account = await asyncio.create_subprocess_exec(
        binary,
        "sandbox",
        "--rate-limit",
        "1000000",
        env=environment,
        cwd=folder,
        stdin=pipe,
        stdout=pipe,
    )
    assert account.stdout
    upstream = (await account.stdout.readline()).decode().strip().partition("=")[2]
    standin = StandIn(upstream=upstream)
    await standin.start()
    environment |= {
        "PAGERDUTY_API_HOST": f"http://127.0.0.1:{standin.port}",
        "PAGERDUTY_API_TOKEN": "sandbox-user",
    }
    session = await asyncio.create_subprocess_exec(
        binary,
        env=environment,
        cwd=folder,
        stdin=pipe,
        stdout=pipe,
        stderr=asyncio.subprocess.DEVNULL,
        limit=1 << 26,
    )
    assert session.stdin
    assert session.stdout
    stdin, stdout, number = session.stdin, session.stdout, 0

    async def call(tool: str, arguments: Any) -> Any:
        nonlocal number
        number += 1
        stdin.write(message(number, "tools/call", {"name": tool, "arguments": arguments}) + b"\n")
        answer = json.loads(await stdout.readline())
        return json.loads(answer["result"]["content"][0]["text"])

    client = {"name": "record", "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    stdin.write(message(0, "initialize", params) + b"\n")
    await stdout.readline()
    me = await call("build_user_context", {})
    ids = {}
    for kind in ("teams", "users", "schedules", "services", "escalation_policies"):
        listed = await call(f"get_{kind}", {"include": ["id", "type"]})
        ids[kind] = listed[kind][0]["id"]
        for row in listed[kind]:
            if "v3" in row.get("type", ""):
                ids["v3"] = row["id"]
    opened = await call("get_incidents", {"statuses": ["triggered"], "include": ["id"]})
    ids["incidents"] = opened["incidents"][0]["id"]
    hits, calls = {}, scenarios(me, ids)
    for at, (tool, arguments) in enumerate(calls):
        standin.asked.clear()
        await call(tool, arguments)
        hits[at] = list(dict.fromkeys(asked.split("?", 1)[0] for asked in standin.asked))
    # Cached answers are not requested again: such a scenario takes the endpoints of the first one.
    standin.close()
    session.kill()
    account.kill()
    for at, endpoints in hits.items():
        hits[at] = [endpoint for endpoint in endpoints if endpoint in standin.recorded] or hits[0]
    fields = await known_fields(binary, {tool for tool, _ in calls}, folder)
    return Corpus(standin.recorded, hits, calls, fields)


async def known_fields(binary: Path, tools: "set[str]", folder: str) -> "dict[str, list[str]]":
    """Return the names that `include` takes, from the hint about a wrong one."""
    found = {}
    for tool in sorted(tools):
        process = await asyncio.create_subprocess_exec(
            binary, "call", tool, "include=a-b", "incident_id=P", "schedule_id=P", "--sandbox",
            env={"PAGERDUTY_SANDBOX_STATE": "memory", "HOME": "/nonexistent"}, cwd=folder,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output = (await process.communicate())[0].decode()
        _, separator, names = output.partition("Fields: ")
        if separator:
            found[tool] = names.partition(".")[0].split(", ")
    return found


def work(run: Run, numbers: "list[int]", results: "multiprocessing.Queue[Any]") -> None:
    """Compare batches in this process, some at a time."""

    async def lane() -> None:
        while numbers:
            number = numbers.pop()
            results.put((number, await run.compare(number)))

    async def lanes() -> None:
        await asyncio.gather(*(lane() for _ in range(LANES)))

    # Killing a process may reap it before asyncio does, which logs a warning.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    try:
        asyncio.run(lanes())
        results.put(None)
    except BaseException as error:
        results.put(error)
        raise


def spelled(answer: bytes) -> bytes:
    """Return an answer with each number in one spelling, without its length in bytes."""
    return LENGTH.sub(b"", NUMBER.sub(lambda found: repr(float(found[0])).encode(), answer))


def report(difference: Difference, keep: "Path | None") -> str:
    """Return a short description of a difference; with `keep`, write everything about it."""
    case, batch, old, new = difference.case, difference.batch, difference.old, difference.new
    at = next(
        (at for at, (a, b) in enumerate(zip(old, new, strict=False)) if a != b),
        min(len(old), len(new)),
    )
    start = max(0, at - 60)
    lines = [
        f"case {case.number}, {batch.door}, {batch.settings}, client {batch.client}:",
        f"  {case.tool} {json.dumps(case.arguments)[:300]}",
        f"  repeats: {difference.scope}",
        f"  lengths {len(old)} and {len(new)}, first difference at byte {at}",
        f"  old: {old[start : at + 60]!r}",
        f"  new: {new[start : at + 60]!r}",
    ]
    if keep:
        folder = keep / f"case-{case.number}"
        folder.mkdir(parents=True, exist_ok=True)
        for endpoint, answer in case.answers.items():
            for page, body in enumerate(answer.pages):
                name = f"{endpoint.replace(' ', '-').replace('/', '_')}.{page}.body"
                (folder / name).write_bytes(body)
                lines.append(f"  {endpoint}: status {answer.status}, page {page}: {folder / name}")
        (folder / "old").write_bytes(old)
        (folder / "new").write_bytes(new)
        (folder / "case.txt").write_text("\n".join(lines) + "\n", "utf-8", "surrogateescape")
    return "\n".join(lines)


def main() -> int:
    """Run the test."""
    parser = argparse.ArgumentParser(description="Compare the answers of two binaries.")
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--only", type=int, metavar="CASE", help="run only the batch of this case")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="write the differing cases to this folder"
    )
    parser.add_argument(
        "--any-reason",
        action="store_true",
        help="do not fail if only reasons of UNEXPECTED_RESPONSE differ",
    )
    parser.add_argument(
        "--any-number",
        action="store_true",
        help="do not fail either if only the text of equal numbers differs",
    )
    parser.add_argument("--show", type=int, default=20, help="the most differences to print")
    parser.add_argument("--workers", type=int, default=min(4, os.cpu_count() or 1))
    options = parser.parse_args()
    begun = time.monotonic()
    folder = tempfile.mkdtemp(prefix="differential-")
    corpus = asyncio.run(record(options.old.resolve(), folder))
    run = Run(options.old.resolve(), options.new.resolve(), corpus, options.seed, folder)
    numbers = list(range(-(-options.cases // BATCH)))
    if options.only is not None:
        numbers = [options.only // BATCH]
    results: multiprocessing.Queue[Any] = multiprocessing.Queue()
    workers = [
        multiprocessing.Process(
            target=work, args=(run, numbers[at :: options.workers][::-1], results)
        )
        for at in range(options.workers)
    ]
    for worker in workers:
        worker.start()
    found: list[Difference] = []
    outcomes: Counter[str] = Counter()
    left, done = len(workers), 0
    while left:
        match results.get():
            case None:
                left -= 1
            case BaseException() as error:
                print(f"a worker failed: {error!r}", file=sys.stderr)
                return 2
            case (_, (counted, differences)):
                done += 1
                outcomes += counted
                found += differences
    for worker in workers:
        worker.join()
    os.rmdir(folder)
    found.sort(
        key=lambda difference: (
            difference.is_reason,
            difference.is_number,
            difference.scope != "alone",
            difference.case.number,
        )
    )
    for at, difference in enumerate(found):
        text = report(difference, options.keep)
        if at < options.show:
            print(text)
    reasons = sum(difference.is_reason for difference in found)
    numbers = sum(difference.is_number for difference in found)
    print("outcomes: " + ", ".join(f"{count} {name}" for name, count in outcomes.most_common()))
    for scope, count in Counter(difference.scope for difference in found).items():
        print(f"{count} differ: {scope}")
    if reasons:
        print(f"{reasons} of them only in the reason why an answer is unusable")
    if numbers > reasons:
        print(f"{numbers - reasons} of them only in the text of equal numbers (1.0 and 1e0)")
    took = time.monotonic() - begun
    print(f"{done * BATCH} cases, seed {options.seed}, {took:.0f} s: {len(found)} differences")
    if options.any_number:
        return 1 if len(found) > numbers else 0
    return 1 if len(found) > (reasons if options.any_reason else 0) else 0


if __name__ == "__main__":
    sys.exit(main())
