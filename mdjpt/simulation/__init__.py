"""Simulated EEG with a known emotional state: one participant, or corpora of many datasets."""

from mdjpt.simulation.artefacts import ArtefactLevels
from mdjpt.simulation.caps import DEFAULT_CH_NAMES, cap
from mdjpt.simulation.corpus import PRESETS, DatasetConfig, preset_corpus
from mdjpt.simulation.emotion import DEFAULT_CLASSES, EMOTIONS, Stimulus, class_set
from mdjpt.simulation.participant import SimulatedParticipant
from mdjpt.simulation.schedule import BlockSchedule, FixedSchedule, Schedule, Segment, Transition
from mdjpt.simulation.trials import PlannedTrial, SimulatedDataset, simulate_trials, trial_table

__all__ = [
    "DEFAULT_CH_NAMES",
    "DEFAULT_CLASSES",
    "EMOTIONS",
    "PRESETS",
    "ArtefactLevels",
    "BlockSchedule",
    "DatasetConfig",
    "FixedSchedule",
    "PlannedTrial",
    "Schedule",
    "Segment",
    "SimulatedDataset",
    "SimulatedParticipant",
    "Stimulus",
    "Transition",
    "cap",
    "class_set",
    "preset_corpus",
    "simulate_trials",
    "trial_table",
]
