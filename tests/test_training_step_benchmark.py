from __future__ import annotations

from typing import TYPE_CHECKING

from mdjpt.training.step_benchmark import SHAPES, Shape, measure_step
from tests.support.training_corpus import TINY

if TYPE_CHECKING:
    from pathlib import Path


def test_the_cost_of_a_step_is_told_and_loading_is_a_part_of_it(tmp_path: Path) -> None:
    shapes = (Shape("a", 8, 2), Shape("b", 60, 3))
    cost = measure_step(TINY, tmp_path, n_steps=2, shapes=shapes)
    assert cost.n_windows == 10
    assert 0 < cost.loading_s < cost.step_s
    # The interpreter with torch alone holds some hundred megabytes.
    assert 0.05 < cost.peak_gib < 16


def test_the_shapes_are_those_of_the_released_step() -> None:
    assert 2 * sum(shape.n_trials for shape in SHAPES) == 254
