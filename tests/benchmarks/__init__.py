"""Measurements that no test makes: on machines that are not always at hand."""
