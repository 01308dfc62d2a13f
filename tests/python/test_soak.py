"""Tests with the soak driver, `benches/soak.py`, in a short run."""

import sys

import pytest
from doors import ROOT, native

pytestmark = [
    pytest.mark.unit,
    pytest.mark.server,
    pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc"),
]


@pytest.mark.parametrize("transport", ["Stdio", "Http"])
def test_soak_answers_each_call_and_writes_each_note_once(
    monkeypatch: pytest.MonkeyPatch, transport: str
):
    monkeypatch.syspath_prepend(str(ROOT / "benches"))
    import soak

    (binary,) = native().command
    # A fifth of the requests fails, so that even a few calls are affected by every fault.
    monkeypatch.setattr(soak, "FAULTS", soak.FAULTS.replace("0.", "2."))
    result = soak.soak(binary, getattr(soak, transport), calls=300, seed=1)
    assert result.problems == []
    assert result.outcomes["ok"] > 200
