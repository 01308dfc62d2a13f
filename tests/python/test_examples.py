"""Tests of the examples, with the real frameworks, and of the code in `docs/python.md`."""

import re
import subprocess
import sys
from importlib.util import find_spec

import pytest
from doors import ROOT, environment

pytestmark = [pytest.mark.unit, pytest.mark.server]

EXAMPLES = {
    "anthropic_messages": ["anthropic"],
    "langchain_agent": ["langchain", "langgraph"],
    "openai_agents": ["agents"],
    "pydantic_ai_agent": ["pydantic_ai"],
}

LANGUAGE_MODELS = ("ANTHROPIC_", "OPENAI_", "LANGCHAIN_", "LANGSMITH_")


def run(code_or_file: list[str], cwd) -> str:
    """Run a program without any credential, and return its output."""
    variables = environment()
    keyless = {name: v for name, v in variables.items() if not name.startswith(LANGUAGE_MODELS)}
    done = subprocess.run(
        [sys.executable, *code_or_file],
        capture_output=True,
        text=True,
        env=keyless,
        cwd=cwd,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs_with_its_framework(name, nowhere):
    for package in EXAMPLES[name]:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed: run with `uv run --group examples`")
    out = run([str(ROOT / "examples" / f"{name}.py")], nowhere)
    assert out.splitlines() == ["On it: Checkout answers with 500", "acknowledged"]


def test_examples_are_all_run():
    assert {path.stem for path in (ROOT / "examples").glob("*.py")} == EXAMPLES.keys()


DOCUMENT = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$(?:\n\n```text\n(.*?)^```$)?", DOCUMENT, re.M | re.S)


@pytest.mark.parametrize(("code", "output"), BLOCKS)
def test_documentation_code_runs(code, output, nowhere, pagerduty_sandbox, tmp_path):
    """Each block runs separately, on a separate account. pytest runs the tests in a block."""
    file = tmp_path / "test_block.py"
    file.write_text(code, encoding="utf-8")
    is_test = "def test_" in code
    command = (
        ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)] if is_test else [str(file)]
    )
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        env=environment(**pagerduty_sandbox.environment),
        cwd=tmp_path,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if output:
        assert done.stdout == output


def test_documentation_has_code():
    assert len(BLOCKS) > 6
