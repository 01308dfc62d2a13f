"""The places of a new tool and of a new resource that are written by hand."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytestmark = [pytest.mark.unit, pytest.mark.utils]

ROOT = Path(__file__).resolve().parents[2]


def load() -> ModuleType:
    """Return the script of the trial as a module."""
    path = ROOT / "tests" / "growth" / "growth.py"
    spec = importlib.util.spec_from_file_location("growth", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["growth"] = module
    spec.loader.exec_module(module)
    return module


GROWTH = load()


@pytest.mark.parametrize("name", GROWTH.TRIALS)
def test_contributing_states_the_places(name: str) -> None:
    places = GROWTH.TRIALS[name]
    stated = f"{len(places)} places in {GROWTH.files(places)} files"
    text = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
    assert f"new {name} takes {stated}" in text, f"a new {name} takes {stated}"


@pytest.mark.parametrize("name", GROWTH.TRIALS)
def test_places_exist(name: str, tmp_path: Path) -> None:
    for place in GROWTH.TRIALS[name]:
        if place.after or (ROOT / place.path).exists():
            copy = tmp_path / place.path
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((ROOT / place.path).read_bytes())
    GROWTH.apply(GROWTH.TRIALS[name], tmp_path)
    for place in GROWTH.TRIALS[name]:
        assert place.text in (tmp_path / place.path).read_text(encoding="utf-8")
