"""PagerDuty's side: `pagerduty-mcp-server sandbox` on a free port, fresh for every run."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

URL, TOKEN = "PAGERDUTY_API_HOST", "PAGERDUTY_API_TOKEN"


class Account:
    """The account and its state."""

    def __init__(self, binary: Path, folder: Path, faults: str | None) -> None:
        options = ["--sandbox-faults", faults] if faults else []
        # Excludes the user's own settings and the leftovers of other runs.
        private = {"HOME": str(folder), "XDG_STATE_HOME": str(folder), "PATH": "/usr/bin:/bin"}
        self._process = subprocess.Popen(
            [binary.resolve(), "sandbox", *options],
            stdout=subprocess.PIPE,
            text=True,
            env=private,
            cwd=folder,
        )
        printed = self._printed()
        #: Environment variables that make a server use this account.
        self.variables = {URL: printed[URL], TOKEN: printed[TOKEN], "XDG_STATE_HOME": str(folder)}

    def _printed(self) -> dict[str, str]:
        found: dict[str, str] = {}
        assert self._process.stdout
        for line in self._process.stdout:
            name, _, value = line.strip().partition("=")
            found[name] = value
            if URL in found and TOKEN in found:
                return found
        raise RuntimeError("the sandbox ended before it printed its URL and its token")

    def __enter__(self) -> Account:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def incident(self) -> dict:
        """Returns the newest incident that is triggered."""
        return self._get("/incidents", {"limit": "1", "statuses[]": "triggered"})["incidents"][0]

    def notes(self, incident_id: str) -> list[str]:
        notes = self._get(f"/incidents/{incident_id}/notes", {})["notes"]
        return [note["content"] for note in notes]

    def _get(self, path: str, query: dict[str, str]) -> dict:
        url = f"{self.variables[URL]}{path}?{urllib.parse.urlencode(query)}"
        headers = {"authorization": f"Token token={self.variables[TOKEN]}"}
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=60
        ) as got:
            return json.load(got)
