"""Joint pre-training on prepared stores; needs the extra ``train`` (Lightning, pyarrow)."""
