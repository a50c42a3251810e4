"""The mdJPT network, its folded form for live use, its losses and the emotion head."""
