"""Simulated EEG with a known emotional state: one participant, or corpora of many datasets."""

from mdjpt.simulation.artefacts import ArtefactLevels
from mdjpt.simulation.caps import DEFAULT_CH_NAMES, cap
from mdjpt.simulation.emotion import DEFAULT_CLASSES, EMOTIONS, Stimulus, class_set
from mdjpt.simulation.participant import SimulatedParticipant
from mdjpt.simulation.schedule import BlockSchedule, FixedSchedule, Schedule, Segment, Transition

__all__ = [
    "DEFAULT_CH_NAMES",
    "DEFAULT_CLASSES",
    "EMOTIONS",
    "ArtefactLevels",
    "BlockSchedule",
    "FixedSchedule",
    "Schedule",
    "Segment",
    "SimulatedParticipant",
    "Stimulus",
    "Transition",
    "cap",
    "class_set",
]
