"""Prepared datasets as memory-mapped stores."""
