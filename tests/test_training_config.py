"""The settings of a pre-training: what a TOML file may hold, and how mistakes in it are told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mdjpt.errors import MdjptError
from mdjpt.training.config import read_config

if TYPE_CHECKING:
    from mdjpt.training.config import PretrainConfig

FULL = """
seed = 3
[[dataset]]
path = "stores/seed"
subjects = ["1", "2"]
[[dataset]]
path = "/data/faced"
[network]
variant = "released"
n_times = 500
pool_size = 10
dilations = [1, 2]
[windows]
step = 125
time_locked = false
[loss]
contrast = "labels"
cda_factor = 0
covariance = "released"
[optimiser]
learning_rate = 1e-3
epochs = 2
[machine]
precision = "bf16-mixed"
compile = true
[ablation]
spatiotemporal = "transformer"
"""
LEAST = '[[dataset]]\npath = "store"\n'


def read(tmp_path: Path, text: str) -> PretrainConfig:
    path = tmp_path / "joint.toml"
    path.write_text(text, encoding="utf-8")
    return read_config(path)


def test_every_setting_of_the_file_arrives(tmp_path: Path) -> None:
    config = read(tmp_path, FULL)
    assert config.seed == 3
    assert config.datasets[0].path == tmp_path / "stores" / "seed"
    assert config.datasets[0].subjects == ("1", "2")
    assert config.datasets[1].path == Path("/data/faced")
    assert (config.network.variant, config.network.dilations) == ("released", (1, 2))
    assert config.windows.n_times == config.network.n_times == 500
    assert (config.windows.step, config.windows.time_locked) == (125, False)
    assert config.loss.cda_factor == 0.0
    assert (config.optimiser.learning_rate, config.optimiser.n_steps) == (1e-3, 2048)
    assert config.machine.compile
    assert config.ablation.any


def test_the_defaults_are_those_of_the_paper(tmp_path: Path) -> None:
    config = read(tmp_path, LEAST)
    assert config.network.variant == "paper"
    assert (config.loss.temperature, config.loss.cda_factor) == (0.07, 0.01)
    assert config.loss.covariance == "true"
    assert (config.optimiser.learning_rate, config.optimiser.weight_decay) == (5e-4, 1e-4)
    assert config.optimiser.n_steps == 20 * 1024
    assert (config.windows.n_times, config.windows.step) == (625, 250)
    assert config.windows.time_locked


def test_what_decides_the_result_can_be_stored_as_json(tmp_path: Path) -> None:
    science = read(tmp_path, FULL).science()
    assert json.loads(json.dumps(science))["network"]["dilations"] == [1, 2]
    assert science["datasets"][0] == {"name": "seed", "subjects": ["1", "2"], "sessions": []}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "key 'dataset' is missing"),
        ("dataset = 3", "key 'dataset' must be a valid array, got 3"),
        ("dataset = []", "key 'dataset' must have at least 1 item"),
        ("[[dataset]]", r"key 'dataset\[0\].path' is missing"),
        ("[[dataset]]\npath = 3", r"'dataset\[0\].path' must be a valid string, got 3"),
        (LEAST + 'subjects = "1"', r"'dataset\[0\].subjects' must be a valid array, got '1'"),
        (LEAST + "subjects = [1]", r"'dataset\[0\].subjects\[0\]' must be a valid string"),
        ("sed = 1\n" + LEAST, "key 'sed' is unknown; there are dataset, seed, network"),
        ("seed = -1\n" + LEAST, "'seed' must be greater than or equal to 0, got -1"),
        ("seed = 1.5\n" + LEAST, "'seed' must be a valid integer, got 1.5"),
        (LEAST + "[loss]\ntemprature = 1", "'loss.temprature' is unknown; there are contrast, te"),
        (LEAST + '[loss]\ntemperature = "a"', "'loss.temperature' must be a valid number, got 'a'"),
        (
            LEAST + "[loss]\ntemperature = true",
            "'loss.temperature' must be a valid number",
        ),
        (LEAST + "[loss]\ntemperature = 0", "'loss.temperature' must be greater than 0, got 0"),
        (LEAST + '[loss]\ncontrast = "x"', "contrast' must be 'subjects', 'labels' or 'none', got"),
        (
            LEAST + '[loss]\ncontrast = "none"\ncda_factor = 0',
            "'loss': cda_factor must be positive",
        ),
        (LEAST + '[network]\nvariant = "big"', "variant' must be 'released' or 'paper', got 'big'"),
        (
            LEAST + "[network]\nembed_dim = 0",
            "'network': embed_dim must hold integers",
        ),
        (LEAST + "[windows]\nn_times = 500", r"\[windows\] n_times is set as \[network\] n_times"),
        (LEAST + "[windows]\nstep = 0", "'windows.step' must be greater than or equal to 1"),
        (
            LEAST + "[optimiser]\nepochs = 0",
            "'optimiser.epochs' must be greater than or",
        ),
        (LEAST + "[machine]\nnodes = 0", "'machine.nodes' must be greater than or equal to 1"),
        (LEAST + "[machine]\ndevices = 0", "'machine.devices' must be greater than or equal to 1"),
        (
            LEAST + "[optimiser]\nlearning_rate = 5",
            "'optimiser.learning_rate' must be less than or",
        ),
        (
            LEAST + "[optimiser]\nepochs = 1000000000",
            "'optimiser.epochs' must be less than or equal",
        ),
        (
            LEAST + "[machine]\nworkers = 100000",
            "'machine.workers' must be less than or equal to 4",
        ),
        ("machine = 3\n" + LEAST, "key 'machine' must be an object, got 3"),
        (
            LEAST + '[ablation]\nchannel_encoder = "x"',
            "channel_encoder' must be 'mdjpt' or",
        ),
        (LEAST + "[machine", "no TOML"),
    ],
)
def test_a_mistake_is_told_with_the_file_and_the_setting(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(MdjptError, match=rf"joint\.toml: .*({message})"):
        read(tmp_path, text)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(MdjptError, match=r"none\.toml: no such configuration"):
        read_config(tmp_path / "none.toml")
