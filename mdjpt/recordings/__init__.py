"""Recordings of EEG from foreign files, read in a guarded process of their own."""

from mdjpt.recordings.electrodes import montage_names
from mdjpt.recordings.export_edf import write_recording_edf
from mdjpt.recordings.guard import read_recording
from mdjpt.recordings.recording import Recording

__all__ = ["Recording", "montage_names", "read_recording", "write_recording_edf"]
