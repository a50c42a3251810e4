"""The page of figures: every row that was measured, what was not and why, and those of a card."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.cli.bench import Timing, measured
from app.cli.bench_report import performance_page
from mdjpt.errors import MdjptError, SourceLost
from tests.benchmarks import device_check

CARD = Path(__file__).parent / "benchmarks" / "h100.json"
ROWS = [Timing("preprocessor", 4.96, 6.1, 60), Timing("speed", 91.4, 93.0, 3, "x")]


def test_the_page_holds_every_figure_and_what_could_not_be_measured():
    page = performance_page(ROWS, ["start: no display"])
    assert "| preprocessor | 4.96 ms | 6.1 ms | 60 |" in page
    assert "| speed | 91.4 x | 93 x | 3 |" in page
    assert "Not measured: start: no display." in page
    assert "## This machine" in page
    assert "torch" in page
    assert "A card" not in page


def test_the_figures_of_a_card_stand_under_its_name_with_what_failed():
    page = performance_page(ROWS, [], CARD)
    found = json.loads(CARD.read_text())
    assert f"## A card: {found['machine']['device']}" in page
    for variant in device_check.VARIANTS:
        live = found["sections"][f"live, {variant}"]["live path"]
        assert f"| live, {variant} window, host to host, 95 % | {live['median ms']:.2f} ms" in page
        assert f"parity, {variant}" in page
        assert f"training, {variant}, bf16 products: step of 254 windows" in page
    assert page.count("Failed: ") == len(found["errors"])


def test_what_is_no_result_of_the_check_is_refused_in_one_line(tmp_path):
    (tmp_path / "x.json").write_text('{"machine": 1}')
    for name in ("x.json", "none.json"):
        with pytest.raises(MdjptError, match=r"json: not what tests.benchmarks.device_check"):
            performance_page(ROWS, [], tmp_path / name)


def test_what_a_busy_machine_cannot_measure_is_said_and_the_rest_is_measured(capsys):
    def busy() -> list[Timing]:
        raise SourceLost("no window was decoded within 20 s")

    rows, missing = measured({"latency": busy, "rest": lambda: ROWS})
    assert rows == ROWS
    assert missing == ["latency: no window was decoded within 20 s"]
    assert "note: not measured: latency" in capsys.readouterr().err


def test_the_check_of_a_card_runs_on_the_processor_and_meets_the_goldens(tmp_path, monkeypatch):
    sections = device_check.sections

    def few(device, *, small):
        kept = ("parity, released", "live, released", "features, released")
        return {k: v for k, v in sections(device, small=True).items() if k in kept}

    monkeypatch.setattr(device_check, "sections", few)
    out = tmp_path / "result.json"
    assert device_check.main(["--device", "cpu", "--small", "--out", str(out)]) == 0
    page = performance_page([], [], out)
    assert "## A card: cpu" in page
    assert "features, released, prepared windows every 2 s" in page
