"""The soak of `benches/soak.py`, for as long as a test may take."""

import sys

import pytest
from doors import ROOT, native

pytestmark = [
    pytest.mark.unit,
    pytest.mark.server,
    pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc"),
]


@pytest.mark.parametrize("transport", ["Stdio", "Http"])
def test_every_call_is_answered_once_and_every_note_is_written_once(
    monkeypatch: pytest.MonkeyPatch, transport: str
):
    monkeypatch.syspath_prepend(str(ROOT / "benches"))
    import soak

    (binary,) = native().command
    # A fifth of the requests goes wrong, so that so few calls meet every fault.
    monkeypatch.setattr(soak, "FAULTS", soak.FAULTS.replace("0.", "2."))
    result = soak.soak(binary, getattr(soak, transport), calls=300, seed=1)
    assert result.problems == []
    assert result.outcomes["ok"] > 200
