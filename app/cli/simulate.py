"""``mdjpt simulate``: a recording of a simulated participant with its truth, or a corpus."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from app.cli.options import Jobs, positive
from mdjpt.errors import MdjptError
from mdjpt.guard.atomic_file import write_file

__all__ = ["simulate"]


def simulate(
    *,
    out: Annotated[Path, typer.Option(help="Recording to write (.edf), or a folder for a corpus.")],
    duration: Annotated[float, typer.Option(help="Recording: seconds.", callback=positive)] = 300.0,
    sfreq: Annotated[float, typer.Option(help="Recording: sampling rate in Hz.")] = 250.0,
    seed: Annotated[int, typer.Option(help="Participants and schedule.")] = 7,
    preset: Annotated[
        list[str] | None, typer.Option(help="Corpus: a dataset such as SEED-like; several times.")
    ] = None,
    subjects: Annotated[int | None, typer.Option(help="Corpus: participants a dataset.")] = None,
    difficulty: Annotated[float, typer.Option(help="Corpus: 0 (easiest) to 1.")] = 0.5,
    jobs: Jobs = 1,
) -> int:
    """Simulate a recording with its true emotions, or a corpus of several prepared datasets."""
    if out.suffix:
        return _simulate_recording(out, duration, seed, sfreq)
    from app.cli.data import prepare_into_store
    from mdjpt.guard.extras import check_training_extra
    from mdjpt.simulation import SimulatedDataset, preset_corpus

    check_training_extra("pyarrow")
    try:
        corpus = preset_corpus(
            *(preset or ()), seed=seed, difficulty=difficulty, n_subjects=subjects
        )
    except ValueError as error:
        raise MdjptError(f"simulate: {error}") from None
    for config in corpus:
        # Cleaning takes a minute a recording, and simulated eyes and muscles do little harm.
        prepare_into_store(
            SimulatedDataset(config), out / config.name, ica=False, jobs=jobs, reports=False
        )
    return 0


def _simulate_recording(out: Path, duration_s: float, seed: int, sfreq: float) -> int:
    """Write `out` (EDF+), in which each change of the state is an annotation, and its truth."""
    from mdjpt.recordings.export_edf import write_recording_edf
    from mdjpt.simulation import SimulatedParticipant
    from streaming.stream import TRUTH_PREFIX

    if out.suffix.lower() != ".edf":
        raise MdjptError(f"--out {out}: simulate writes EDF+, name it .edf")
    try:
        participant = SimulatedParticipant(seed, sfreq=sfreq)
    except ValueError as error:
        raise MdjptError(f"simulate: {error}") from None
    n_times = round(duration_s * sfreq)
    samples = participant.generate(n_times)
    states = [(t.sample / sfreq, t.state) for t in participant.transitions(0, n_times)]
    markers = [(onset_s, TRUTH_PREFIX + state) for onset_s, state in states]
    write_recording_edf(out, samples, sfreq, participant.ch_names, markers)
    truth = {
        "simulated": True,
        "seed": seed,
        "sfreq": sfreq,
        "classes": list(participant.classes),
        "states": [{"onset_s": onset_s, "state": state} for onset_s, state in states],
    }
    truth_path = out.with_suffix(".truth.json")
    write_file(truth_path, (json.dumps(truth, indent=2) + "\n").encode())
    typer.echo(f"{out}: {duration_s:g} s of simulated EEG, truth in {truth_path.name}")
    return 0
