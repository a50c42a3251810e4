"""The errors that a user of this software can meet, each with the exit code of the command line.

::

    MdjptError
    +-- SourceError            a live source cannot be used
    |   +-- SourceNotFound     nothing answers to that name or port
    |   +-- SourceLost         it was there and will not come back
    |   +-- SourceChanged      it came back as another stream
    +-- RecordingError         a file cannot be read as a recording
    +-- LabelsError            labels do not fit their recording, or cannot be read
    +-- ModelError             a bundle or checkpoint cannot be used
    +-- ProfileError           a participant's profile cannot be used
    |   +-- NotBetterError     what was trained is no better than what there is
    |       +-- UnprovenError  whether it is cannot be told
    +-- DatasetError           a dataset or store cannot be read
    +-- SamplingRateError      a rate that cannot carry the model's band; a ValueError, too
    +-- NotEnoughDataError     the samples asked for are not there yet
    +-- Overrun                the samples asked for have been overwritten
    +-- Gap                    the samples asked for were lost on the way

NotBetterError and UnprovenError are of :mod:`mdjpt.calibration.training`, SamplingRateError of
:mod:`mdjpt.signal.filters`, Overrun and Gap of :mod:`streaming.ring`; the others are here. A
message is one line that holds what, where and what to do: it is printed as it stands.
"""

from __future__ import annotations

__all__ = [
    "DatasetError",
    "LabelsError",
    "MdjptError",
    "ModelError",
    "NotEnoughDataError",
    "ProfileError",
    "RecordingError",
    "SourceChanged",
    "SourceError",
    "SourceLost",
    "SourceNotFound",
    "one_line",
    "printable",
]


MAX_MESSAGE = 1500  # characters


class MdjptError(Exception):
    """Base of every error that is reported to the user as one line.

    Attributes
    ----------
    exit_code : int
        Exit status of the command line: 2 bad usage or file, 3 source, 4 model or profile.
    """

    exit_code = 2

    def __str__(self) -> str:
        """Return the message; what files and streams call themselves in it steers no terminal."""
        return printable(super().__str__(), MAX_MESSAGE)


class SourceError(MdjptError):
    """A source of EEG cannot be used."""

    exit_code = 3


class SourceNotFound(SourceError):
    """No stream, board or port answers to the given name."""


class SourceLost(SourceError):
    """The source was connected and is gone for good."""


class SourceChanged(SourceError):
    """The source came back with another rate, channel count, labels or units."""


class RecordingError(MdjptError):
    """A file cannot be read as a recording of EEG."""


class LabelsError(MdjptError):
    """Labels cannot be read, or cannot belong to the recording."""


class ModelError(MdjptError):
    """A model bundle or checkpoint is missing, damaged or unsuitable."""

    exit_code = 4


class ProfileError(MdjptError):
    """A participant's profile is missing, damaged or made for another model."""

    exit_code = 4


class DatasetError(MdjptError):
    """A dataset folder or a prepared store cannot be read."""


class NotEnoughDataError(MdjptError):
    """The samples asked for have not arrived yet."""


def one_line(error: object, at_most: int = 160) -> str:
    """Return the message of someone else's exception on one printable line.

    Parameters
    ----------
    error : Exception or str
        What was raised, or its text; an exception without a text is named by its type.
    at_most : int
        Longest line, in characters.
    """
    return printable(str(error), at_most) or type(error).__name__


def printable(text: str, at_most: int = 1000) -> str:
    """Return someone else's text on one line, without what steers a terminal or the direction.

    Parameters
    ----------
    text : str
        As it stands in a file or stream.
    at_most : int
        Longest line, in characters.

    Returns
    -------
    str
        "?" for each control character, escape, direction mark and half of a pair; a blank for each
        run of white space.
    """
    text = "".join(c if c.isprintable() else "?" for c in " ".join(text.split()))
    return text if len(text) <= at_most else text[: at_most - 1] + "…"
