"""Runs an online evaluation, many sessions at a time; what is finished is kept."""

from __future__ import annotations

import itertools
import json
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import joblib

from mdjpt.bundle.bundle import load_bundle
from mdjpt.errors import ModelError
from mdjpt.evaluation.kept_settings import keep_settings
from mdjpt.evaluation.online.calibration_curve import TRIALS_A_CLASS, calibration_curve
from mdjpt.evaluation.online.courses import decode_session, write_courses
from mdjpt.evaluation.online.sessions import CONDITIONS, blocked, make_session
from mdjpt.evaluation.online.settings import ALIGNERS, OnlineSettings, SessionKey
from mdjpt.guard.atomic_file import write_file
from mdjpt.guard.extras import check_training_extra

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mdjpt.bundle.bundle import Bundle

__all__ = [
    "SETTINGS_FILE",
    "course_file",
    "curve_file",
    "load_decoding_bundle",
    "one_thread_bundle",
    "run_online",
    "run_parts",
]

SETTINGS_FILE = "settings.json"


def course_file(out: Path, key: SessionKey) -> Path:
    """Return where the courses of a session are kept."""
    return out / "parts" / f"{key.name}.npz"


def curve_file(out: Path, person: int, condition: str) -> Path:
    """Return where the calibrations of a participant are kept."""
    return out / "parts" / f"calibration-{condition.replace(' ', '-')}-{person}.json"


def run_online(
    model: Path,
    out: Path,
    settings: OnlineSettings,
    *,
    default: str,
    n_jobs: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> None:
    """Decode every session with every aligner and run every calibration, or what is left of it.

    `default` is the aligner that an uncalibrated user has, a key of ``ALIGNERS``. `n_jobs` sessions
    run at a time, one thread each; `say` takes a line when something is done.

    Raises ModelError: the bundle cannot be used or has no head. Raises MdjptError: `out` holds
    another evaluation, or cannot be written.
    """
    check_training_extra("matplotlib", "pandas")
    bundle = load_decoding_bundle(model)
    decided = settings.of_a_part() | {"model": bundle.identity, "default": default}
    keep_settings(out / SETTINGS_FILE, decided)
    run_parts(list(_parts(model, out, settings, default)), n_jobs, say)


def run_parts(parts: list[tuple[Any, ...]], n_jobs: int, say: Callable[[str], None]) -> None:
    """Call functions with their arguments, `n_jobs` at a time, and say what each one answers."""
    say(f"{len(parts)} parts to do")
    work = (joblib.delayed(function)(*arguments) for function, *arguments in parts)
    done = joblib.Parallel(n_jobs=n_jobs, return_as="generator_unordered")(work)
    for k, line in enumerate(done, 1):
        say(f"{k} of {len(parts)}: {line}")


def load_decoding_bundle(model: Path) -> Bundle:
    """Load a bundle that has a head; ModelError when it cannot be used."""
    bundle = load_bundle(model)
    if bundle.head is None:
        raise ModelError(f"{model}: no emotion head: nothing to evaluate")
    return bundle


def _parts(
    model: Path, out: Path, settings: OnlineSettings, default: str
) -> Iterator[tuple[Any, ...]]:
    """Yield what is not finished."""
    few = tuple(dict.fromkeys(("none", default)))
    for key in (*settings.sessions(), *settings.crowd()):
        if not course_file(out, key).exists():
            aligners = few if key.crowd else settings.aligners
            yield _session_part, model, out, settings, aligners, key
    for person, condition in itertools.product(settings.calibrated(), settings.conditions):
        if not curve_file(out, person, condition).exists():
            yield _curve_part, model, out, settings.test_s, default, person, condition


def _session_part(
    model: Path, out: Path, settings: OnlineSettings, aligners: tuple[str, ...], key: SessionKey
) -> str:
    """Simulate one session, decode it, write it down; body of a worker."""
    bundle, began = one_thread_bundle(model), time.process_time()
    duration_s, classes = 60.0 * settings.minutes, bundle.class_names
    schedule = blocked(classes, duration_s, key.participant) if key.labels == "blocked" else None
    session = make_session(
        key.person,
        classes,
        CONDITIONS[key.condition],
        duration_s,
        schedule=schedule,
        hop_s=settings.hop_s,
    )
    courses = decode_session(bundle, session, aligners)
    write_courses(course_file(out, key), courses, time.process_time() - began)
    return f"{key.name}, {len(session.windows)} windows"


def _curve_part(
    model: Path, out: Path, test_s: float, default: str, person: int, condition: str
) -> str:
    """Run the calibrations of one participant, write them down; body of a worker."""
    bundle, began = one_thread_bundle(model), time.process_time()
    rows = calibration_curve(
        bundle,
        person,
        test_s=test_s,
        condition=condition,
        alignment=ALIGNERS[default],
        trials_a_class=TRIALS_A_CLASS if condition == "usual" else TRIALS_A_CLASS[-1:],
    )
    content = {"rows": rows, "cpu_s": time.process_time() - began}
    write_file(curve_file(out, person, condition), json.dumps(content).encode())
    return f"calibrations of participant {person}, {condition}"


@cache
def one_thread_bundle(model: Path) -> Bundle:
    """Load the model once a process, which from then on uses one core."""
    import torch

    torch.set_num_threads(1)
    return load_bundle(model)
