"""What is said when a calibration ends without a new decoder. No Qt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.wizard.run import Stage

if TYPE_CHECKING:
    from app.wizard.run import CalibrationRun

__all__ = ["ending"]

_HELPS = (
    "What helps: more trials, emotions that differ more, longer trials, electrodes with better "
    "contact, less movement. The decoder that was in use stays in use."
)


def ending(run: CalibrationRun) -> tuple[str, str, str, str]:
    """Return heading, reason, advice and the recording's path of a run that has ended.

    Parameters
    ----------
    run : CalibrationRun
        Stopped, failed, refused or not trainable.
    """
    recording = str(run.recording)
    if run.stage is Stage.STOPPED:
        done, planned = run.view.n_done, run.view.n_trials
        said = f"{done} of {planned} trials were done. Nothing was changed."
        return "Stopped", said, "", recording
    if run.stage is Stage.FAILED:
        return (
            "The calibration had to stop",
            _sentence(run.problem),
            "Nothing was changed. Put right what is wrong, then calibrate again.",
            recording,
        )
    state = run.training
    text = state.text if state is not None else ""
    if state is not None and state.status == "refused":
        return "Not better, so not used", _sentence(text), _HELPS, recording
    return "It could not be trained", _sentence(text), "Nothing was changed.", recording


def _sentence(text: str) -> str:
    plain = text.strip().rstrip(".")
    return f"{plain[:1].upper()}{plain[1:]}." if plain else ""
