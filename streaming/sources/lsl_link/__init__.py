"""Lab Streaming Layer: finding streams, connecting to them, their electrodes and events."""
