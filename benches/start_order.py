"""Writes `deploy/start.ld`, the order of the code in the published binary.

It counts which functions run until `initialize` is answered, so it needs valgrind, and a binary
with symbols, of the profile `dist`:

    CARGO_PROFILE_DIST_STRIP=none cargo build --profile dist --bin pagerduty-mcp-server
    python benches/start_order.py target/dist/pagerduty-mcp-server

Names of functions that no longer exist do no harm, so it is run again when the memory at rest has
grown (`cargo bench -- processes`).
"""

import bisect
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

ORDER = Path(__file__).resolve().parents[1] / "deploy" / "start.ld"

MOST_WASTE = 24_000
"""The most bytes of other functions with the same pattern. A page fault maps 64 kB."""


def pattern(symbol: str) -> str:
    """Return the symbol with wildcards for the parts that differ between builds: hashes."""
    symbol = re.sub(r"17h[0-9a-f]{16}E", "17h*E", symbol)
    symbol = re.sub(r"Cs[0-9A-Za-z]+_", "Cs*_", symbol)
    return re.sub(r"\.llvm\.\d+", "*", symbol)


def symbols(binary: str) -> list[tuple[int, int, str]]:
    """Return address, size and name of each function."""
    found = subprocess.run(
        ["nm", "-n", "-S", "--defined-only", binary], capture_output=True, text=True, check=True
    )
    lines = re.findall(r"^(\w+) (\w+) [tTwW] (.*)$", found.stdout, re.MULTILINE)
    return [(int(address, 16), int(size, 16), name) for address, size, name in lines]


def executed(binary: str) -> set[int]:
    """Return the addresses of the instructions that run until `initialize` is answered."""
    client = {"name": "start_order", "version": "1"}
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}
    message = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    with tempfile.TemporaryDirectory() as folder:
        profile = Path(folder) / "profile"
        valgrind = ["valgrind", "--tool=callgrind", "--dump-instr=yes"]
        subprocess.run(
            [*valgrind, f"--callgrind-out-file={profile}", binary],
            input=json.dumps(message) + "\n",
            env={"PAGERDUTY_API_TOKEN": "none", "HOME": folder},
            cwd=folder,
            capture_output=True,
            text=True,
            check=True,
        )
        lines = profile.read_text(encoding="utf-8").splitlines()
    addresses, address = set(), 0
    for line in lines:
        # An address, or the difference to the one before, or none.
        if position := re.match(r"(0x[0-9a-f]+|[+-](?:0x[0-9a-f]+|\d+)|\*) ", line):
            text = position[1]
            if text[0] in "+-":
                address += int(text, 0)
            elif text != "*":
                address = int(text, 16)
            addresses.add(address)
    return addresses


def main() -> None:
    """Write the order."""
    binary = str(Path(sys.argv[1]).resolve())
    functions = symbols(binary)
    starts = [address for address, _, _ in functions]
    by_address: dict[int, list[str]] = {}
    for address, _, name in functions:
        by_address.setdefault(address, []).append(name)
    used: set[str] = set()
    for address in executed(binary):
        index = bisect.bisect(starts, address) - 1
        if index >= 0 and address < functions[index][0] + functions[index][1]:
            used.update(by_address[functions[index][0]])
    total: Counter[str] = Counter()
    needed: Counter[str] = Counter()
    for _, size, name in functions:
        total[pattern(name)] += size
        needed[pattern(name)] += size if name in used else 0
    kept = [found for found in needed if 0 <= total[found] - needed[found] <= MOST_WASTE]
    kept = [found for found in kept if needed[found] > 0]
    kept.sort(key=lambda found: (-needed[found] / total[found], found))
    lines = "".join(f"  *(.text.{found})\n" for found in kept)
    ORDER.write_text(
        f"/* Written by benches/start_order.py: the functions of the start. See build.rs. */\n"
        f"SECTIONS {{ .text.start : {{\n{lines}}} }} INSERT BEFORE .text;\n",
        encoding="utf-8",
    )
    print(f"{len(kept)} patterns for {sum(needed[found] for found in kept):,} bytes")


if __name__ == "__main__":
    main()
