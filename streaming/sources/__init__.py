"""Where EEG comes from: LSL, BrainFlow, a file or a simulated participant."""
