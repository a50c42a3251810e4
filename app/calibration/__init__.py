"""The calibration session: what is shown when, what is marked, what is learned. No Qt."""
