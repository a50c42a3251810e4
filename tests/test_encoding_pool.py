"""Windows encoded beside their caller: the features of each alone, in order, and no thread left."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

import mdjpt.network.encoding_pool
from mdjpt.network.encoder import Encoder
from mdjpt.network.encoding_pool import EncodingPool
from tests.test_model import small_network

WINDOWS = np.random.default_rng(3).standard_normal((21, 60, 625), np.float32)


NETWORK = small_network()


def make() -> Encoder:
    return Encoder(NETWORK)


@pytest.fixture(params=[1, 3])
def cores(request, monkeypatch):
    monkeypatch.setattr(mdjpt.network.encoding_pool, "n_cores", lambda: request.param)


@pytest.mark.parametrize("own_rows", [True, False])
def test_features_are_those_of_each_window_alone_and_in_order(cores, own_rows):
    encoder = make()
    stats = None if own_rows else encoder.row_stats(WINDOWS)
    size = 1 if own_rows else None
    expected = [encoder.feature(w[None], group_size=size, stats=stats)[0] for w in WINDOWS]
    found = list(EncodingPool(make, stats).map(iter(WINDOWS)))
    np.testing.assert_array_equal(found, expected)


def test_a_few_windows_wait_at_most(cores):
    taken = []

    def windows():
        for k, window in enumerate(WINDOWS):
            taken.append(k)
            yield window

    features = EncodingPool(make, None).map(windows())
    next(features)
    assert len(taken) < len(WINDOWS)
    assert len(list(features)) == len(WINDOWS) - 1


def test_what_is_wrong_with_a_window_reaches_who_waits_for_it_and_no_other():
    pool = EncodingPool(make, None)
    bad = np.full((60, 625), np.nan, np.float32)
    first, second, third = (pool.submit(w) for w in (WINDOWS[0], bad, WINDOWS[1]))
    with pytest.raises(ValueError, match="must be finite"):
        second.result()
    assert first.result().shape == third.result().shape


def test_the_threads_end_with_the_pool():
    pool = EncodingPool(make, None)
    pool.submit(WINDOWS[0]).result()
    threads = [t for t in threading.enumerate() if t.name.startswith("mdjpt-encode")]
    assert threads
    del pool
    gc.collect()
    for thread in threads:
        thread.join(timeout=30)
        assert not thread.is_alive()
