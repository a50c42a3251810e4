"""Where predictions go besides the screen: a file, LSL, OSC, WebSockets.

A publisher never waits for whoever listens: a receiver that is dead or slow loses messages, the
session loses nothing.
"""
