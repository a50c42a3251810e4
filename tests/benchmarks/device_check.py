"""What a GPU does with the network: is it right, and how fast.

::

    python -m tests.benchmarks.device_check --device cuda --out FILE.json
    python -m tests.benchmarks.device_check --device cpu --small --out FILE.json

Needs torch, numpy, safetensors, and lightning for the training step: no device of EEG, no window.
Both variants carry the random weights of the goldens. Each section that fails is named in the
result, and the others go on; the code is 1 when a golden is missed or a section has failed.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import time
import traceback
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch

from mdjpt.bundle.released_names import released_name
from mdjpt.network.device import device_label, resolve_device
from mdjpt.network.encoder import Encoder, RowStats
from mdjpt.network.encoding_pool import EncodingPool
from mdjpt.network.folded_network import FoldedNetwork
from mdjpt.network.model import EncoderConfig, MdjptNetwork
from tests.support.golden import golden_arrays, golden_state_dict, relative_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIANTS = ("released", "paper")
TRIALS = (15, 24, 20, 28, 40)
"""Of the five datasets in the released pre-training: a pair of each is 254 windows."""
HOP_S = 2.0
LIMITS = {"cpu": 1e-5, "other": 1e-4}
"""Largest error of a feature, relative to the largest feature."""


class Batch(NamedTuple):
    """The windows of one dataset in a step, as the training's own loader gives them."""

    windows: torch.Tensor
    labels: torch.Tensor


def network_of(variant: str) -> MdjptNetwork:
    """Return a network with the weights of the goldens."""
    network = MdjptNetwork(EncoderConfig(variant=variant))
    published, own = golden_state_dict(), network.state_dict()
    network.load_state_dict({n: published[released_name(n)].view(t.shape) for n, t in own.items()})
    return network


def parity(device: torch.device, variant: str) -> dict[str, float]:
    """Compare the features with the published code's, and with those of many windows at once."""
    golden = golden_arrays("golden_encoder.npz")
    arrays = {k.removeprefix(f"{variant}_"): v for k, v in golden.items()}
    encoder = Encoder(network_of(variant), device)
    if encoder.device_note:
        raise RuntimeError(encoder.device_note)
    stats = RowStats(*(arrays[name] for name in RowStats._fields))
    single, alone = golden["x_single"], arrays["feature"]
    one_by_one = np.concatenate([encoder.feature(w[None], group_size=1) for w in single])
    graph = encoder.feature(single[:1], stats=RowStats(*(a[:1] for a in stats)))
    found = {
        "own rows": relative_error(encoder.feature(single, group_size=1), alone),
        "own rows, one by one": relative_error(one_by_one, alone),
        "given rows": relative_error(encoder.feature(single, stats=stats), alone),
        "given rows, one": relative_error(graph, alone[:1]),
        "group": relative_error(
            encoder.feature(golden["x_group"], group_size=4), arrays["group_feature"]
        ),
        "row statistics": max(
            relative_error(array, arrays[name])
            for name, array in encoder.row_stats(single, group_size=1)._asdict().items()
        ),
    }
    assert not encoder.device_note, encoder.device_note
    return found


def tensor_cores(device: torch.device, variant: str) -> dict[str, float]:
    """Tell how far features are off with the products in TensorFloat-32, which is not used."""
    golden = golden_arrays("golden_encoder.npz")
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        encoder = Encoder(network_of(variant), device)
        found = encoder.feature(golden["x_single"], group_size=1)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    return {"error": relative_error(found, golden[f"{variant}_feature"])}


def live(device: torch.device, variant: str, n_runs: int) -> dict[str, Any]:
    """Time one window from host to host: operation by operation, and as the live path does it."""
    network = network_of(variant)
    encoder, windows = Encoder(network, device), noise(4)
    stats = encoder.row_stats(windows)
    folded = FoldedNetwork(network, device)
    rows, x = folded.rows_of(stats), windows[:1]

    def eager() -> None:
        with torch.inference_mode():
            folded.alone(folded.tokens(x), rows).cpu().numpy()

    begun = time.perf_counter()
    encoder.feature(x, stats=stats)
    first_ms = 1e3 * (time.perf_counter() - begun)
    return {
        "eager": times_of(eager, n_runs),
        "live path": times_of(lambda: encoder.feature(x, stats=stats), n_runs),
        "first window ms": first_ms,
        "note": encoder.device_note,
    }


def features(device: torch.device, variant: str, n_windows: int) -> dict[str, float]:
    """Encode many windows at a time: times real time at the hop of 2 s, without preparation."""
    encoder, windows = Encoder(network_of(variant), device), noise(n_windows)
    stats = encoder.row_stats(windows[:4])
    encoder.feature(windows, stats=stats)
    seconds = [timed(lambda: encoder.feature(windows, stats=stats)) for _ in range(3)]
    per_window_s = float(np.median(seconds)) / n_windows
    return {
        "windows": n_windows,
        "ms a window": 1e3 * per_window_s,
        "times real time, hop 2 s": HOP_S / per_window_s,
    }


def pooled(device: torch.device, variant: str, n_windows: int) -> dict[str, float]:
    """Encode windows through the pool that files go through, and compare with one by one."""
    encoder, windows = Encoder(network_of(variant), device), noise(n_windows)
    stats = encoder.row_stats(windows[:4])
    pool = EncodingPool(encoder.twin, stats)
    list(pool.map(windows[:8]))
    begun = time.perf_counter()
    found = np.stack(list(pool.map(windows)))
    seconds = time.perf_counter() - begun
    alone = np.concatenate([encoder.feature(w[None], stats=stats) for w in windows[:8]])
    return {
        "error": relative_error(found[:8], alone),
        "times real time, hop 2 s": HOP_S * n_windows / seconds,
    }


def without_memory(device: torch.device, variant: str) -> dict[str, Any]:
    """Take the memory away from an encoder at work: it must go on, with the same features."""
    encoder, windows = Encoder(network_of(variant), device), noise(64)
    stats = encoder.row_stats(windows[:4])
    expected = Encoder(network_of(variant), torch.device("cpu")).feature(windows[:8], stats=stats)
    first = encoder.feature(windows[:1], stats=stats)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(1e-4, device.index or 0)
    try:
        found = encoder.feature(windows, stats=stats)
    finally:
        if device.type == "cuda":
            torch.cuda.set_per_process_memory_fraction(1.0, device.index or 0)
    errors = relative_error(found[:8], expected), relative_error(first, expected[:1])
    if max(errors) > LIMITS["other"]:
        raise RuntimeError(f"features without memory are off by {max(errors):.1g}")
    return {"error": max(errors), "note": encoder.device_note, "at once": encoder.at_once}


def training_step(
    device: torch.device, variant: str, trials: tuple[int, ...], how: str, n_steps: int
) -> dict[str, Any]:
    """Time a step of pre-training, forwards, backwards and Adam, on windows that are there."""
    from mdjpt.training.lean_network import LeanNetwork
    from mdjpt.training.module import PretrainModule

    torch.manual_seed(0)
    on_gpu, compiled = device.type != "cpu", "compiled" in how
    network = MdjptNetwork(EncoderConfig(variant=variant))
    lean = LeanNetwork(
        network,
        (4096 if variant == "paper" and not compiled else 0) if on_gpu else 20,
        shifted=not on_gpu or compiled or "shifted" in how,
        compiled=compiled,
        products="products" in how,
    )
    loss = SimpleNamespace(
        contrast="subjects", temperature=0.07, cda_factor=0.01, covariance="true"
    )
    settings = SimpleNamespace(
        loss=loss, optimiser=SimpleNamespace(learning_rate=5e-4, weight_decay=1e-4)
    )
    module = PretrainModule(lean, settings).to(device)
    optimiser = module.configure_optimizers()
    batches = [
        Batch(torch.randn(2 * n, 60, 625, device=device), torch.zeros(2 * n, dtype=torch.int64))
        for n in trials
    ]
    half = torch.autocast(device.type, torch.bfloat16) if "bf16" in how else nullcontext()

    def step() -> None:
        with half:
            losses.append(module.training_step(batches, 0)["loss"])
        optimiser.zero_grad()
        losses[-1].backward()
        optimiser.step()
        synchronise(device)

    losses: list[torch.Tensor] = []
    first_s = timed(step)
    seconds = [timed(step) for _ in range(n_steps)]
    return {
        "windows": 2 * sum(trials),
        "first s": first_s,
        "median s": float(np.median(seconds)),
        "losses": [float(value.detach()) for value in losses],
    }


def noise(n: int) -> np.ndarray:
    """Return windows of noise, shape (n, 60, 625)."""
    return np.random.default_rng(7).standard_normal((n, 60, 625), np.float32)


def timed(function: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    begun = time.perf_counter()
    function()
    return time.perf_counter() - begun


def times_of(function: Callable[[], object], n: int) -> dict[str, float]:
    """Return median and 95th percentile of `n` calls after three, in milliseconds."""
    for _ in range(3):
        function()
    ms = [1e3 * timed(function) for _ in range(n)]
    return {"median ms": float(np.median(ms)), "p95 ms": float(np.percentile(ms, 95)), "runs": n}


def synchronise(device: torch.device) -> None:
    """Wait for a device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextmanager
def peak_memory(device: torch.device, into: dict[str, Any]) -> Iterator[None]:
    """Note the largest memory of a section in GiB: of the card, else of the process so far."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    yield
    peak = (
        torch.cuda.max_memory_allocated(device)
        if device.type == "cuda"
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    )
    into["peak GiB"] = peak / 2**30


def machine(device: torch.device) -> dict[str, Any]:
    """Say what is measured on."""
    said = {
        "device": device_label(device),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "processor threads": torch.get_num_threads(),
    }
    if device.type == "cuda":
        said["cuda"] = torch.version.cuda
        said["memory GiB"] = torch.cuda.get_device_properties(device).total_memory / 2**30
    return said


def sections(device: torch.device, *, small: bool) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return what is measured, the most important first."""
    on_gpu = device.type != "cpu"
    n_live, n_windows, n_steps = (
        (5, 6, 1) if small else ((1000, 2048, 5) if on_gpu else (30, 64, 2))
    )
    trials = (2, 3) if small else TRIALS
    found: dict[str, Callable[[], dict[str, Any]]] = {}
    for variant in VARIANTS:
        found[f"parity, {variant}"] = partial(parity, device, variant)
    for variant in VARIANTS:
        found[f"live, {variant}"] = partial(live, device, variant, n_live)
        found[f"features, {variant}"] = partial(features, device, variant, n_windows)
        found[f"pool, {variant}"] = partial(pooled, device, variant, max(8, n_windows // 2))
    found["out of memory, released"] = partial(without_memory, device, "released")
    hows = ["fp32", "fp32 products"]
    if on_gpu:
        hows += ["fp32 products shifted", "bf16 products", "bf16 products shifted"]
    for variant in VARIANTS:
        for how in hows:
            name = f"training, {variant}, {how}"
            found[name] = partial(training_step, device, variant, trials, how, n_steps)
    if on_gpu:
        for variant in VARIANTS:
            found[f"tensor cores, {variant}"] = partial(tensor_cores, device, variant)
            for how in ("fp32 products compiled", "bf16 products compiled"):
                name = f"training, {variant}, {how}"
                found[name] = partial(training_step, device, variant, trials, how, n_steps)
    return found


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="tests.benchmarks.device_check", description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--small", action="store_true", help="only shows that it runs")
    parser.add_argument("--limit", type=float, default=480.0, help="seconds to begin sections in")
    parser.add_argument("--only", default="", help="sections whose name holds this text")
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    device = resolve_device(chosen.device)
    result: dict[str, Any] = {"machine": machine(device), "sections": {}, "errors": {}}
    limit = LIMITS["cpu" if device.type == "cpu" else "other"]
    begun = time.monotonic()
    for name, measure in sections(device, small=chosen.small).items():
        if chosen.only not in name:
            continue
        if time.monotonic() - begun > chosen.limit:
            result["errors"][name] = "not begun: no time left"
            continue
        found: dict[str, Any] = {}
        start = time.monotonic()
        try:
            with peak_memory(device, found):
                found |= measure()
            if (
                name.startswith("parity")
                and not max(v for k, v in found.items() if "GiB" not in k) < limit
            ):
                result["errors"][name] = f"a golden is missed by more than {limit:g}"
        except Exception as error:
            result["errors"][name] = f"{type(error).__name__}: {error}"[:500]
            found["traceback"] = traceback.format_exc()[-1500:]
        found["section s"] = time.monotonic() - start
        result["sections"][name] = found
        sys.stdout.write(f"{name}: {json.dumps(found)}\n")
        sys.stdout.flush()
        chosen.out.write_text(json.dumps(result, indent=1))
    sys.stdout.write(f"errors: {json.dumps(result['errors'], indent=1)}\n")
    return 1 if result["errors"] else 0


if __name__ == "__main__":
    sys.exit(main())
