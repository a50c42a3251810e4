"""The recorder: raw EEG, events and predictions into an XDF file that is valid at any moment."""

from streaming.recorder.recorder import Recorder
from streaming.recorder.side_streams import SideStreams
from streaming.recorder.switch import RecordingSwitch

__all__ = ["Recorder", "RecordingSwitch", "SideStreams"]
