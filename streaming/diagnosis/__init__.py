"""What `mdjpt doctor` measures: LSL from process to process, the streams seen, and timing."""
