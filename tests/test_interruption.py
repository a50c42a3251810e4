"""A command that is ended by Ctrl-C or SIGTERM leaves nothing behind and says what it kept."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING

import psutil
import pytest

from app.cli.interruption import Terminated, stopped_by_signal, terminated_by_signal
from mdjpt.bundle.bundle import load_bundle
from mdjpt.recordings.export_edf import write_recording_edf
from mdjpt.training.checkpoint import read_checkpoint
from tests.support.fakes import eeg_like
from tests.support.training_corpus import write_tiny_store

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")

PATIENCE_S = 120.0
NAMES = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "O1", "O2")
CONFIG = """
seed = 1
[[dataset]]
path = "tiny-0"
[network]
variant = "paper"
embed_dim = 8
n_heads = 2
n_blocks = 1
ffn_dim = 8
n_dims = 2
n_mixed = 4
n_filters = 1
dilations = [1, 3]
[optimiser]
steps_per_epoch = {n_steps}
epochs = 1
[machine]
accelerator = "cpu"
threads = 1
checkpoint_every = 1000
statistics_windows = 8
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "app", *arguments], stdout=PIPE, stderr=PIPE, text=True
    )
    guard = threading.Timer(PATIENCE_S, process.kill)
    guard.daemon = True
    guard.start()
    return process


def shared_memory(pids: list[int]) -> set[str]:
    """Return what processes left of semaphores and mapped arrays."""
    places = [*Path("/dev/shm").glob("*loky-*"), *Path("/dev/shm").glob("joblib*")]
    return {p.name for p in places if any(f"{pid}" in p.name for pid in pids)}


def test_a_preparation_that_is_terminated_takes_its_workers_along(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    lines = ["file,subject,label,stimulus,start_s,duration_s"]
    for n in range(60):
        samples = eeg_like(len(NAMES), 7500, seed=n)
        write_recording_edf(raw / f"s{n}.edf", samples, 250.0, NAMES, [])
        lines.append(f"s{n}.edf,s{n},x,clip,1,25")
    (raw / "trials.csv").write_text("\n".join(lines) + "\n")
    places = ["--raw", str(raw), "--out", str(tmp_path / "store")]
    process = started("data", "prepare", "folder", *places, "--jobs", "2", "--no-ica")
    assert process.stderr is not None
    while "1 of 60" not in process.stderr.readline():
        assert process.poll() is None
    workers = psutil.Process(process.pid).children(recursive=True)
    assert len(workers) >= 2
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 143
    assert err.splitlines()[-1] == "mdjpt: ended by SIGTERM"
    assert psutil.wait_procs(workers, timeout=10.0)[1] == []
    assert shared_memory([process.pid]) == set()


def test_a_training_that_is_ended_keeps_what_it_learned_and_goes_on(tmp_path: Path) -> None:
    write_tiny_store(tmp_path / "tiny-0", 0)
    config, out = tmp_path / "run.toml", tmp_path / "run"
    config.write_text(CONFIG.format(n_steps=20))
    process = started("pretrain", str(config), "--out", str(out))
    log = out / "log.csv"
    waits = threading.Event()
    while not (log.exists() and len(log.read_text().splitlines()) > 2):
        assert process.poll() is None
        waits.wait(0.02)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate()
    assert process.returncode == 143
    last = err.splitlines()[-1]
    assert last == (f"mdjpt: ended by SIGTERM; what was learned is in {out}: --resume goes on")
    step = read_checkpoint(out / "checkpoint.safetensors").step
    assert step >= 2
    assert len(log.read_text().splitlines()) == 1 + step
    again = started("pretrain", str(config), "--out", str(out), "--resume")
    _, err = again.communicate()
    assert again.returncode == 0, err
    numbers = [int(re.split(",", line)[0]) for line in log.read_text().splitlines()[1:]]
    assert numbers == list(range(20))
    assert load_bundle(out / "model.safetensors").row_stats is not None


@pytest.fixture
def default_signals() -> Iterator[None]:
    """The handlers of a program that was just started."""
    before = [signal.signal(n, signal.SIG_DFL) for n in (signal.SIGTERM, signal.SIGINT)]
    yield
    for number, handler in zip((signal.SIGTERM, signal.SIGINT), before, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("default_signals")
def test_a_signal_is_told_with_its_exit_code_and_a_second_one_interrupts() -> None:
    with stopped_by_signal(second_interrupts=True) as stopped:
        assert (stopped.is_set(), stopped.exit_code) == (False, 0)
        signal.raise_signal(signal.SIGTERM)
        assert (stopped.is_set(), stopped.exit_code) == (True, 143)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    with pytest.raises(Terminated), terminated_by_signal():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
