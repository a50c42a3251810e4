"""Model bundles: weights and everything a live system must agree on with training."""
