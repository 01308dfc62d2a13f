"""The table of all operations is the one that PagerDuty's OpenAPI description gives."""

import subprocess
import sys
from pathlib import Path

import pytest
from contract import OPENAPI

pytestmark = [pytest.mark.unit, pytest.mark.client]

GENERATOR = Path(__file__).resolve().parents[2] / "crates" / "reference" / "generate.py"


def test_table_of_operations_is_current():
    """The generator finds no difference."""
    if not OPENAPI.exists():
        pytest.skip("PagerDuty's OpenAPI description is not beside the project")
    command = [sys.executable, str(GENERATOR), str(OPENAPI), "--check"]
    assert subprocess.run(command, check=False).returncode == 0, f"run {GENERATOR.name}"
