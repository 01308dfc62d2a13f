"""Tests of the official conformance suite, over HTTP, at both wire versions.

The suite is written for a server with tools, prompts and resources that exist only for the suite.
Scenarios that need one of those cannot pass on a real server, and are listed here with the reason.
Every scenario that is not listed must pass, and every listed one must fail. So a new scenario, or
one that passes after all, requires a change of the list.
"""

import json
import subprocess
from pathlib import Path

import pytest
from doors import native
from typescript import PACKAGES, node
from web import serve

pytestmark = [pytest.mark.unit, pytest.mark.server]

PROMPTS = "needs a prompt that exists for the suite; ours come with their tools"
COMPLETION = "we complete no arguments, and do not announce it"
LOGGING = "logging is deprecated; logs go to standard error"
FIXTURE = "needs a tool or resource that exists for the suite"
TASKS = "an extension we do not have"

NOT_OURS = {
    "completion-complete": COMPLETION,
    "elicitation-sep1034-defaults": FIXTURE,
    "elicitation-sep1330-enums": FIXTURE,
    "http-custom-header-server-validation": FIXTURE,
    "input-required-result-basic-elicitation": FIXTURE,
    "input-required-result-basic-list-roots": FIXTURE,
    "input-required-result-basic-sampling": FIXTURE,
    "input-required-result-capability-check": FIXTURE,
    "input-required-result-multi-round": FIXTURE,
    "input-required-result-multiple-input-requests": FIXTURE,
    "input-required-result-non-tool-request": FIXTURE,
    "input-required-result-request-state": FIXTURE,
    "input-required-result-result-type": FIXTURE,
    "input-required-result-tampered-state": FIXTURE,
    "json-schema-2020-12": FIXTURE,
    "logging-set-level": LOGGING,
    "prompts-get-embedded-resource": PROMPTS,
    "prompts-get-simple": PROMPTS,
    "prompts-get-with-args": PROMPTS,
    "prompts-get-with-image": PROMPTS,
    "prompts-list": PROMPTS,
    "resources-read-binary": FIXTURE,
    "resources-read-text": FIXTURE,
    "resources-subscribe": "our one resource does not change",
    "resources-templates-read": FIXTURE,
    "resources-unsubscribe": "our one resource does not change",
    "tasks-capability-negotiation": TASKS,
    "tasks-dispatch-and-envelope": TASKS,
    "tasks-lifecycle": TASKS,
    "tasks-mrtr-composition": TASKS,
    "tasks-mrtr-input": TASKS,
    "tasks-request-headers": TASKS,
    "tasks-request-state-removal": TASKS,
    "tasks-required-task-error": TASKS,
    "tasks-wire-fields": TASKS,
    "tools-call-audio": FIXTURE,
    "tools-call-elicitation": FIXTURE,
    "tools-call-embedded-resource": FIXTURE,
    "tools-call-error": FIXTURE,
    "tools-call-image": FIXTURE,
    "tools-call-mixed-content": FIXTURE,
    "tools-call-sampling": FIXTURE,
    "tools-call-simple-text": FIXTURE,
    "tools-call-with-logging": FIXTURE,
    "tools-call-with-progress": FIXTURE,
}
"""Scenarios about features that the server does not have."""

CHECKS_NOT_OURS = {
    "sep-2549-prompts-list-caching-hints": PROMPTS,
    "sep-2575-http-server-no-independent-requests-on-stream": FIXTURE,
    "sep-2575-missing-capability-http-400": FIXTURE,
    "sep-2575-server-no-log-without-loglevel": FIXTURE,
    "sep-2575-server-rejects-undeclared-capability": FIXTURE,
}
"""Checks about such features within other scenarios."""


@pytest.mark.parametrize("sessions", [False, True], ids=["stateless", "sessions"])
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_conformance_supported_scenarios_pass(
    nowhere: Path, tmp_path: Path, revision: str, sessions: bool
):
    command = [node(), str(PACKAGES / "conformance" / "dist" / "index.js"), "server"]
    with serve(native(), "--sandbox", *(["--sessions"] if sessions else []), cwd=nowhere) as web:
        subprocess.run(
            [*command, "--url", f"{web.url}/mcp", "--requirements", revision, "-o", str(tmp_path)],
            capture_output=True,
            timeout=120,
            check=False,
        )
    passed, failed, seen = set(), {}, set()
    for file in sorted(tmp_path.glob("*/checks.json")):
        scenario = file.parent.name.removeprefix("server-")[: -len("-2026-01-01T00-00-00-000Z")]
        checks = json.loads(file.read_text())
        failures = {check["id"] for check in checks if check["status"] == "FAILURE"}
        seen |= failures
        failures -= CHECKS_NOT_OURS.keys()
        passed |= set() if failures else {scenario}
        failed |= {scenario: failures} if failures else {}
    ours = {scenario: ids for scenario, ids in failed.items() if scenario not in NOT_OURS}
    assert not ours
    assert not passed & NOT_OURS.keys(), "these pass: they are ours"
    assert len(passed) >= {"2025-11-25": 8, "2026-07-28": 13}[revision], passed
    if revision == "2026-07-28":
        assert CHECKS_NOT_OURS.keys() <= seen, "some of these pass: they are ours"
    print(f"{revision}: {len(passed)} scenarios passed: {', '.join(sorted(passed))}")
