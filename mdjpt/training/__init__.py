"""Joint pre-training on prepared stores; needs the extra ``train`` (Lightning, pyarrow)."""

from mdjpt.guard.extras import check_training_extra

check_training_extra("lightning")
