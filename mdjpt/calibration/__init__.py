"""A decoder for one person: a small head over the frozen encoder, from a few labelled minutes."""
