"""Honest measures of what an encoder's features are worth, and the released ones beside them."""
