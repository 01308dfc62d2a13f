"""Tests of rules about the tests themselves."""

import json
import subprocess
import sys
from collections import defaultdict

import pytest
from doors import ROOT

pytestmark = [pytest.mark.unit, pytest.mark.utils]

AREAS = {
    "client", "escalation_policies", "incidents", "oncalls", "parsers", "schedules", "server",
    "services", "teams", "users", "utils", "validation",
}  # fmt: skip

COLLECT = """
import json, pytest, sys

class Collector:
    def pytest_collection_finish(self, session):
        marks = {item.nodeid: [mark.name for mark in item.iter_markers()] for item in session.items}
        print("\\n" + json.dumps(marks))

sys.exit(pytest.main(["--collect-only", "-qq", "-p", "no:cacheprovider"], plugins=[Collector()]))
"""


def test_markers_match_tests():
    done = subprocess.run(
        [sys.executable, "-c", COLLECT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("{"))
    selected = defaultdict(set)
    for test, markers in json.loads(line).items():
        assert len({"unit", "integration"} & set(markers)) == 1, test
        assert AREAS & set(markers), test
        for marker in markers:
            selected[marker].add(test)
    assert selected.keys() >= AREAS | {"unit", "integration"}
