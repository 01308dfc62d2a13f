"""Compares ways to make Python objects from an answer, for 1, 100 and 1,000 incidents.

Run it from the repository with `uv run python benches/json_to_python/run.py`; it builds the module
in this folder and prints a table of medians in microseconds.
"""

import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta, timezone
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from pagerduty_mcp_server import sandbox

HERE = Path(__file__).resolve().parent
TARGET = HERE.parents[1] / "target" / "bench"
LIBRARY = {"darwin": "libjson_to_python.dylib", "win32": "json_to_python.dll"}
SIZES = {1: 5_000, 100: 300, 1_000: 40}
"""The numbers of incidents, and how many times to make the objects of each."""


def build() -> Any:
    """Build the module and import it."""
    environment = os.environ | {"PYO3_BUILD_EXTENSION_MODULE": "1", "CARGO_TARGET_DIR": str(TARGET)}
    if sys.platform == "darwin":
        environment["RUSTFLAGS"] = "-C link-arg=-undefined -C link-arg=dynamic_lookup"
    subprocess.run(["cargo", "build", "--release"], cwd=HERE, env=environment, check=True)
    library = TARGET / "release" / LIBRARY.get(sys.platform, "libjson_to_python.so")
    with tempfile.TemporaryDirectory() as folder:
        suffix = ".pyd" if sys.platform == "win32" else ".so"
        copy = Path(folder) / f"json_to_python{suffix}"
        copy.write_bytes(library.read_bytes())
        spec = spec_from_file_location("json_to_python", copy)
        assert spec is not None
        assert spec.loader is not None
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def answers() -> dict[int, str]:
    """Return answers of the embedded account in the default fields."""

    async def ask() -> dict[int, str]:
        since = (datetime.now(timezone.utc) - timedelta(days=61)).isoformat()
        with sandbox(incidents=2_000) as account:
            client = account.client()
            team_ids = [team["id"] for team in account.teams]
            found = {}
            for size in SIZES:
                answer = await client.get_incidents(
                    current_user_context=False, team_ids=team_ids, since=since, limit=size
                )
                assert answer["metadata"]["count"] == size
                found[size] = json.dumps(answer)
            return found

    return asyncio.run(ask())


def main() -> None:
    """Build the module, measure and print the results."""
    module = build()
    print(f"\nPython {platform.python_version()}, medians in microseconds\n")
    print("| way | " + " | ".join(f"{size:,} incidents" for size in SIZES) + " |")
    print("|---" * (len(SIZES) + 1) + "|")
    times: dict[str, list[float]] = {way: [] for way in module.WAYS}
    for size, answer in answers().items():
        # Alternate, so that other load on the machine affects all of them.
        runs: dict[str, list[float]] = {way: [] for way in module.WAYS}
        for _ in range(5):
            for way in module.WAYS:
                seconds, made = module.time(way, answer, SIZES[size] // 5)
                assert made == json.loads(answer), way
                runs[way] += seconds
        for way in module.WAYS:
            times[way].append(statistics.median(runs[way]) * 1e6)
    for way, medians in times.items():
        print(f"| {way} | " + " | ".join(f"{median:,.1f}" for median in medians) + " |")


if __name__ == "__main__":
    main()
