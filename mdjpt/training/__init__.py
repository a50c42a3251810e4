"""Joint pre-training on prepared stores; needs the extra ``train`` (Lightning, pyarrow)."""

from mdjpt.extras import check_training_extra

check_training_extra("lightning", "pyarrow")
