"""The calibration wizard: from "who are you" to a decoder that was measured on you."""
