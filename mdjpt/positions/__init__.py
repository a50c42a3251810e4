"""Time stamps and counters become sample positions."""
