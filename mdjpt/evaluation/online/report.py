"""What an online evaluation found: Markdown, CSV and PNG in its folder."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from mdjpt.calibration.confidence import coverage_accuracy, reliability
from mdjpt.errors import MdjptError
from mdjpt.evaluation.figures import course_figure, reliability_figure
from mdjpt.evaluation.online.calibration_curve import ABOUT_CURVE, gain_rows, mean_rows
from mdjpt.evaluation.online.courses import (
    Course,
    accuracy_between,
    read_courses,
    read_cpu_s,
    shown_and_true,
)
from mdjpt.evaluation.online.run import course_file, curve_file
from mdjpt.evaluation.online.settings import LABELS, OnlineSettings, SessionKey
from mdjpt.evaluation.online.tables import (
    Cell,
    confidence_rows,
    crowd_rows,
    gain_table,
    table,
    time_table,
)
from mdjpt.evaluation.online.targets import targets
from mdjpt.guard.atomic_file import write_file

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mdjpt.bundle.bundle import Bundle
    from mdjpt.evaluation.report import Table

__all__ = ["read_cells", "write_online_report", "write_tables"]

_SIMULATED = "**Everything here is simulated: it says nothing about people.**"
Cells = dict[tuple[str, ...], Cell]


def write_online_report(
    out: Path, bundle: Bundle, settings: OnlineSettings, default: str, command: str
) -> list[Path]:
    """Write the report of a finished evaluation on simulated participants, ``report.md`` first.

    `default` is the aligner that an uncalibrated user has, `command` the line that the reader sees.

    Raises MdjptError: a part is missing or damaged, or a file cannot be written.
    """
    cells, temperature = read_cells(out, settings), bundle.temperature
    curves = {
        condition: [_read_curve(curve_file(out, p, condition)) for p in settings.calibrated()]
        for condition in settings.conditions
    }
    usual = [rows for rows, _ in curves.get("usual", [])]
    calibrated = mean_rows(usual) if usual else []
    keys = (*settings.sessions(), *settings.crowd())
    cpu_s = sum(read_cpu_s(course_file(out, key)) for key in keys)
    cpu_s += sum(seconds for of_one in curves.values() for _, seconds in of_one)
    people = _crowd(out, settings)
    measured = crowd_rows(people, temperature)
    shown = shown_and_true(people[default], temperature)
    names = list(dict.fromkeys(("none", default)))
    errors = [row for name in names for row in confidence_rows(cells, name, temperature)]
    bins, kept = reliability(*shown), coverage_accuracy(*shown, 11)
    tables = {
        "gain-3-min": gain_table(cells, "first 3 min", temperature),
        "gain-all": gain_table(cells, "all", temperature),
        "time": time_table(cells, temperature),
        "people": table(
            "Expected calibration error of what is shown, each person in one session; low to high "
            "is the 95 % interval over people",
            measured,
        ),
        "confidence": table(
            "Expected calibration error by condition, the participants of the seeds; refitted "
            "takes the temperature of the other seeds",
            errors,
        ),
        "reliability": table(
            "Reliability, default alignment, each person in one session",
            [{"confidence": b.confidence, "accuracy": b.accuracy, "windows": b.n} for b in bins],
        ),
        "coverage": table(
            "Accuracy of what is answered, default alignment, each person in one session",
            [{"threshold": t, "share answered": c, "accuracy": a} for t, c, a in kept],
        ),
    }
    if calibrated:
        title = f"After a calibration, mean of {len(usual)} participants, percent"
        tables["calibration"] = table(title, calibrated, percent=True)
        tables["calibration-conditions"] = table(
            "The decoder in use after a calibration against the aligned head, percent; ± is the "
            "standard error over participants",
            [
                {"condition": name} | row
                for name, of_one in curves.items()
                for row in gain_rows([rows for rows, _ in of_one])
            ],
        )
    found = targets(cells, default, temperature, measured, errors, calibrated)
    of_whom = f"{default}, {settings.n_crowd} simulated people"
    figures = {
        "confidence.png": reliability_figure(*shown, of_whom),
        "time.png": course_figure(*_by_minute(cells, settings.minutes, temperature)),
    }
    took = f"It took {cpu_s / 60:.1f} minutes of one core in all."
    words = f"{_in_words(settings, bundle, default)} {took}"
    about = [_SIMULATED, "", f"`{command}`", "", words, ""]
    lines = ["## What was reached", "", *(f"- {line}" for line in found), ""]
    return write_tables(out, "What alignment and calibration bring", about + lines, tables, figures)


def read_cells(out: Path, settings: OnlineSettings) -> Cells:
    """Read the courses of all sessions, by condition and order of labels.

    Raises MdjptError: a part is missing or damaged.
    """
    cells: Cells = {}
    for condition in settings.conditions:
        for labels in LABELS:
            cells[condition, labels] = [
                _of_seed(out, settings, seed, condition, labels) for seed in settings.seeds
            ]
    return cells


def _of_seed(
    out: Path, settings: OnlineSettings, seed: int, condition: str, labels: str
) -> dict[str, list[Course]]:
    found: dict[str, list[Course]] = {}
    for participant in range(settings.n_participants):
        key = SessionKey(seed, participant, condition, labels)
        for name, course in read_courses(course_file(out, key)).items():
            found.setdefault(name, []).append(course)
    return found


def _crowd(out: Path, settings: OnlineSettings) -> dict[str, list[Course]]:
    """Read the sessions of the many, by aligner."""
    found: dict[str, list[Course]] = {}
    for key in settings.crowd():
        for name, course in read_courses(course_file(out, key)).items():
            found.setdefault(name, []).append(course)
    return found


def _by_minute(
    cells: Cells, minutes: float, temperature: float
) -> tuple[list[float], dict[str, list[float]]]:
    """Return the middle of each minute, and every aligner's accuracy in it over all sessions."""
    starts, lines = range(math.ceil(minutes)), {}
    for name in next(iter(cells.values()))[0]:
        own = [course for cell in cells.values() for seed in cell for course in seed[name]]
        lines[name] = [accuracy_between(own, 60.0 * k, 60.0 * (k + 1), temperature) for k in starts]
    return [k + 0.5 for k in starts], lines


def _read_curve(path: Path) -> tuple[list[dict[str, Any]], float]:
    """Return the rows of one participant, and the seconds of a core that they took."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return content["rows"], content["cpu_s"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise MdjptError(f"{path}: no part of an evaluation ({error}): delete it") from None


def _in_words(settings: OnlineSettings, bundle: Bundle, default: str) -> str:
    n = settings.n_seeds * settings.n_participants
    return (
        f"{settings.n_seeds} seeds of {settings.n_participants} participants ({n}) from seed "
        f"{settings.first_seed} on and {settings.n_crowd} others for the confidence, whom nothing "
        f"was fitted to; {settings.minutes:g} min each, "
        f"windows of 5 s every {settings.hop_s:g} s without transitions, classes "
        f"{', '.join(bundle.class_names)} (chance {1 / len(bundle.class_names):.3f}), smoothed as "
        f"shown. Model {bundle.sha256[:12]}. Default alignment here: {default}. Balanced labels "
        "change every 20 to 40 s; blocked ones give each class one block of a third of the "
        "session. ± is the standard error over seeds."
    )


def write_tables(
    out: Path,
    title: str,
    lines: Sequence[str],
    tables: Mapping[str, Table],
    figures: Mapping[str, bytes],
) -> list[Path]:
    """Write ``report.md``, one CSV a table and one PNG a figure.

    Raises MdjptError: a file cannot be written.
    """
    parts = [f"# {title}", "", *lines]
    for name, own in tables.items():
        parts += [own.markdown(), *([ABOUT_CURVE, ""] if name == "calibration" else [])]
    contents = {"report.md": "\n".join(parts).rstrip("\n").encode() + b"\n"}
    contents |= {f"{name}.csv": own.csv().encode() for name, own in tables.items()}
    contents |= figures
    for name, content in contents.items():
        write_file(out / name, content)
    return [out / name for name in contents]
