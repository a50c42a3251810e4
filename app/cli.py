"""The command line: names, options and help. The work is done in :mod:`app.commands`.

Every command imports what it needs when it runs, so that ``mdjpt --help`` answers at once.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import math
import sys
from pathlib import Path
from typing import Annotated

import typer

from app.research_cli import data_cli, evaluate_cli, pretrain_command
from app.thread_count import one_thread
from mdjpt.errors import MdjptError

__all__ = ["cli", "run_command_line"]

cli = typer.Typer(
    name="mdjpt",
    help="Real-time emotion decoding from EEG. Research use only, not a medical device.",
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=False,
    pretty_exceptions_enable=False,
)
model_cli = typer.Typer(help="Import, inspect and check model bundles.", no_args_is_help=True)
cli.add_typer(model_cli, name="model")
cli.add_typer(data_cli, name="data")
cli.add_typer(evaluate_cli, name="evaluate")
cli.command("pretrain")(pretrain_command)

SOURCE_HELP = (
    "sim:[?seed=7] | file:PATH | lsl:[NAME][?source_id=..&type=EEG] | brainflow:synthetic | "
    "brainflow:cyton?serial_port=/dev/ttyUSB0"
)
ALIGNMENTS = ("none", "moments", "rows", "covariance-input", "covariance-mixed")
# typer carries a click of its own, whose UsageError it does not export.
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]
Model = Annotated[Path | None, typer.Option(help="Model bundle; the demo bundle by default.")]
Montage = Annotated[
    str | None,
    typer.Option(help="Electrode names, comma separated or in a file, for unlabelled channels."),
]
Profile = Annotated[Path | None, typer.Option(help="A participant's calibration.")]
Record = Annotated[
    Path | None, typer.Option(help="Folder to record into: signals, events and predictions (XDF).")
]
Alignment = Annotated[
    str,
    typer.Option(
        help="auto, none, moments, rows, covariance-input, covariance-mixed; a profile has its own."
    ),
]
Hop = Annotated[float, typer.Option(help="Seconds from one window to the next.")]


def run_command_line(arguments: list[str]) -> int:
    """Run one command; a user's mistake is one line on stderr, never a traceback.

    Parameters
    ----------
    arguments : list of str
        Arguments without the program's name.

    Returns
    -------
    int
        Exit code.
    """
    try:
        _refuse_shadowed_packages()
        result = typer.main.get_command(cli).main(
            arguments, prog_name="mdjpt", standalone_mode=False
        )
    except MdjptError as error:
        _complain(str(error))
        return error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except USAGE_ERROR as error:
        message = getattr(error, "format_message", error.__str__)()
        _complain(f"{message} Try mdjpt --help")
        return 2
    except BrokenPipeError:
        # The reader of our output went away (mdjpt ... | head); nothing is left to say.
        sys.stderr.close()
        return 0
    return result if isinstance(result, int) else 0


def _complain(message: str) -> None:
    sys.stderr.write(f"mdjpt: {' '.join(message.split())}\n")


def _refuse_shadowed_packages() -> None:
    """Make sure that our packages, whose names are generic, are the ones that are imported."""
    home = Path(__file__).resolve().parent.parent
    for name in ("app", "mdjpt", "streaming"):
        spec = importlib.util.find_spec(name)
        origin = Path(spec.origin).resolve().parent.parent if spec and spec.origin else None
        if origin != home:
            owners = importlib.metadata.packages_distributions().get(name, [])
            others = ", ".join(o for o in owners if o != "mdjpt-live") or str(origin)
            raise MdjptError(
                f"the package {name!r} of {others} hides ours: install mdjpt-live in an "
                "environment of its own"
            )


@cli.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        typer.echo(importlib.metadata.version("mdjpt-live"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        context.exit(app_command(None))


@cli.command("app")
def app_command(
    source: Annotated[str | None, typer.Argument(help=SOURCE_HELP)] = None,
    model: Model = None,
    profile: Profile = None,
    alignment: Alignment = "auto",
    record: Record = None,
    montage: Montage = None,
    screenshot: Annotated[
        Path | None, typer.Option(help="Save a picture of the window as PNG, then quit.")
    ] = None,
    after: Annotated[
        float | None, typer.Option(help="Close the window after this many seconds.")
    ] = None,
    hop: Hop = 0.5,
    speed: Annotated[str, typer.Option(help="Times real time, for files.")] = "1",
) -> int:
    """Open the dashboard (what plain `mdjpt` does)."""
    from app.commands.dashboard import open_window

    return open_window(
        source,
        model,
        montage,
        profile=profile,
        hop_s=_positive(hop, "--hop") or hop,
        speed=_speed(speed),
        alignment=_alignment(alignment, profile),
        record=record,
        screenshot=screenshot,
        after_s=after,
    )


@cli.command("run")
def run_command(
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    model: Model = None,
    profile: Profile = None,
    alignment: Alignment = "auto",
    duration: Annotated[float | None, typer.Option(help="Seconds of signal to run for.")] = None,
    hop: Hop = 0.5,
    speed: Annotated[str, typer.Option(help="Times real time for a file, or max.")] = "1",
    out: Annotated[str | None, typer.Option(help="JSON lines: FILE, or - for stdout.")] = None,
    record: Record = None,
    publish: Annotated[
        str | None, typer.Option(help="lsl: offer predictions as an LSL stream.")
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="Store the features of the decoded windows (.npz).")
    ] = None,
    montage: Montage = None,
) -> int:
    """Decode a source without a window."""
    from app.commands.run import RunRequest, run_headless

    if publish not in (None, "lsl"):
        raise MdjptError(f"--publish knows lsl only, got {publish!r}")
    request = RunRequest(
        source=source,
        model=model,
        duration_s=_positive(duration, "--duration"),
        hop_s=_positive(hop, "--hop") or hop,
        speed=_speed(speed),
        out=out,
        publish_lsl=publish == "lsl",
        features=features,
        montage=montage,
        profile=profile,
        record=record,
        alignment=_alignment(alignment, profile),
    )
    return run_headless(request)


@cli.command("sources")
def sources_command(
    json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
    timeout: Annotated[float, typer.Option(help="Seconds to look for LSL streams.")] = 2.0,
) -> int:
    """List LSL streams, with nominal and measured rate, and BrainFlow boards."""
    from app.commands.sources import list_sources

    return list_sources(as_json=json, timeout_s=timeout)


@cli.command("replay")
def replay_command(
    file: Annotated[Path, typer.Argument(help="Recording to send.")],
    speed: Annotated[float, typer.Option(help="Times real time.")] = 1.0,
    start: Annotated[float, typer.Option(help="Second of the recording to start at.")] = 0.0,
    loop: Annotated[bool, typer.Option("--loop", help="Start again at the end.")] = False,
    stream_name: Annotated[str | None, typer.Option(help="Name of the LSL stream.")] = None,
    fault: Annotated[
        list[str] | None, typer.Option(help="Inject a fault: drop=N, jitter_ms=X, stall_s=X.")
    ] = None,
    montage: Montage = None,
) -> int:
    """Send a recording as an LSL stream."""
    from app.commands.replay import replay

    return replay(
        file,
        speed=_positive(speed, "--speed") or speed,
        start_s=start,
        loop=loop,
        stream_name=stream_name,
        faults=fault or [],
        montage=montage,
    )


@cli.command("check")
def check_command(
    file: Annotated[Path, typer.Argument(help="Recording to look at.")],
) -> int:
    """Say what a recording holds and whether it is as it was written."""
    from app.commands.check import check_recording

    return check_recording(file)


@cli.command("features")
def features_command(
    file: Annotated[Path, typer.Argument(help="Recording to read.")],
    out: Annotated[Path, typer.Option(help="File to write (.npz).")],
    model: Model = None,
    hop: Hop = 2.0,
    scale: Annotated[
        str, typer.Option(help="causal: as live; recording: one scale for the whole file.")
    ] = "causal",
    montage: Montage = None,
) -> int:
    """Extract the features of a whole recording: features [n, 512], start_s [n]."""
    one_thread()
    from app.commands.features import store_features

    return store_features(
        file, out, model=model, hop_s=_positive(hop, "--hop") or hop, scale=scale, montage=montage
    )


@cli.command("simulate")
def simulate_command(
    out: Annotated[Path, typer.Option(help="Recording to write (.edf), or a folder for a corpus.")],
    duration: Annotated[float, typer.Option(help="Recording: seconds.")] = 300.0,
    sfreq: Annotated[float, typer.Option(help="Recording: sampling rate in Hz.")] = 250.0,
    seed: Annotated[int, typer.Option(help="Participants and schedule.")] = 7,
    preset: Annotated[
        list[str] | None, typer.Option(help="Corpus: a dataset such as SEED-like; several times.")
    ] = None,
    subjects: Annotated[int | None, typer.Option(help="Corpus: participants a dataset.")] = None,
    difficulty: Annotated[float, typer.Option(help="Corpus: 0 (easiest) to 1.")] = 0.5,
    jobs: Annotated[int, typer.Option(help="Corpus: recordings at a time.")] = 1,
) -> int:
    """Simulate a recording with its true emotions, or a corpus of several prepared datasets."""
    if out.suffix:
        from app.commands.simulate import simulate

        return simulate(out, _positive(duration, "--duration") or duration, seed, sfreq)
    from app.commands.data import simulate_data

    return simulate_data(
        out, preset or (), seed=seed, difficulty=difficulty, n_subjects=subjects, jobs=jobs
    )


@cli.command("bench")
def bench_command(
    json: Annotated[bool, typer.Option("--json", help="Machine-readable.")] = False,
    window: Annotated[
        bool, typer.Option("--window/--no-window", help="Measure the dashboard's start too.")
    ] = True,
) -> int:
    """Measure every stage on this machine: median and 95th percentile."""
    from app.commands.bench import bench

    return bench(as_json=json, with_window=window)


@model_cli.command("import")
def model_import(
    checkpoint: Annotated[Path, typer.Argument(help="Released checkpoint (.ckpt).")],
    out: Annotated[Path, typer.Option(help="Bundle to write (.safetensors).")],
) -> int:
    """Turn a released checkpoint into a bundle."""
    from app.commands.model import import_model

    return import_model(checkpoint, out)


@model_cli.command("info")
def model_info(bundle: Annotated[Path, typer.Argument(help="Model bundle.")]) -> int:
    """Show what a bundle holds and where it comes from."""
    from app.commands.model import show_model

    return show_model(bundle)


@model_cli.command("verify")
def model_verify(bundle: Annotated[Path, typer.Argument(help="Model bundle.")]) -> int:
    """Check a bundle: layout, shapes, checksum."""
    from app.commands.model import verify_model

    return verify_model(bundle)


def _planned(name: str) -> int:
    raise MdjptError(f"mdjpt {name} is not there yet: see the CHANGELOG for what is")


PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True}


@model_cli.command("fetch", context_settings=PASS_ON)
def model_fetch() -> int:
    """Download the released checkpoint (not there yet)."""
    return _planned("model fetch")


@cli.command("calibrate")
def calibrate_command(
    recording: Annotated[Path, typer.Argument(help="EEG of the calibration.")],
    out: Annotated[Path, typer.Option(help="Profile to write, or to add a version to.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="CSV or TSV: onset_s, duration_s, label; or a .truth.json. Left out: the markers "
            "of a recorded calibration session."
        ),
    ] = None,
    model: Model = None,
    montage: Montage = None,
    fine_tune: Annotated[
        bool,
        typer.Option(
            "--fine-tune",
            help="Tune the encoder's last layer too, and use it if held-out trials are decoded "
            "better by that.",
        ),
    ] = False,
) -> int:
    """Train a decoder for one person from a recording with labelled trials."""
    one_thread()
    from app.commands.calibrate import calibrate

    return calibrate(recording, labels, out, model, montage, fine_tune=fine_tune)


@cli.command("calibrate-live")
def calibrate_live_command(
    source: Annotated[str, typer.Argument(help=SOURCE_HELP)],
    out: Annotated[Path, typer.Option(help="Profile to write, or to add a version to.")],
    model: Model = None,
    classes: Annotated[
        str | None, typer.Option(help="Emotions, comma separated; the model's by default.")
    ] = None,
    trials: Annotated[int, typer.Option(help="Trials of each emotion.")] = 4,
    trial_s: Annotated[float, typer.Option(help="Seconds of a trial.")] = 15.0,
    baseline_s: Annotated[
        float, typer.Option(help="Seconds of rest with eyes open, then closed.")
    ] = 30.0,
    seed: Annotated[int, typer.Option(help="Of the order of the trials.")] = 0,
    media: Annotated[
        Path | None,
        typer.Option(help="Folder with one folder an emotion: pictures, videos, sounds."),
    ] = None,
    ratings: Annotated[
        bool, typer.Option("--ratings/--no-ratings", help="Ask after each trial what was felt.")
    ] = True,
    label_by: Annotated[
        str, typer.Option(help="intended: what was asked for; rated: what was felt.")
    ] = "intended",
    record: Annotated[
        Path | None, typer.Option(help="Folder of the recording; beside the profile by default.")
    ] = None,
    montage: Montage = None,
    speed: Annotated[float, typer.Option(help="Times real time, for sim:.")] = 1.0,
) -> int:
    """Lead a person through a calibration, record it and train from it."""
    one_thread()
    from app.commands.calibrate_live import LiveCalibration, calibrate_live

    request = LiveCalibration(
        source=source,
        out=out,
        model=model,
        classes=tuple(name.strip() for name in (classes or "").split(",") if name.strip()),
        trials=trials,
        trial_s=trial_s,
        baseline_s=baseline_s,
        seed=seed,
        media=media,
        ratings=ratings,
        label_by=label_by,
        record=record,
        montage=montage,
        speed=_positive(speed, "--speed") or speed,
    )
    return calibrate_live(request)


@cli.command("doctor", context_settings=PASS_ON)
def doctor_command() -> int:
    """Check this installation (not there yet)."""
    return _planned("doctor")


def _alignment(name: str, profile: Path | None) -> str:
    if name not in ("auto", *ALIGNMENTS):
        raise MdjptError(f"--alignment takes auto, {', '.join(ALIGNMENTS)}, got {name!r}")
    if profile is not None and name != "auto":
        raise MdjptError("a profile brings its own alignment: leave --alignment out")
    return name


def _positive(value: float | None, option: str) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise MdjptError(f"{option} must be positive, got {value:g}")
    return value


def _speed(text: str) -> float:
    if text == "max":
        return math.inf
    try:
        return _positive(float(text), "--speed") or 1.0
    except ValueError:
        raise MdjptError(f"--speed takes a number or max, got {text!r}") from None
