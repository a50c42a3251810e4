"""What holds for every source, whatever is behind it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

import streaming.sources
from mdjpt.errors import SourceError
from tests.support.contract_source import SOURCES, Opener
from tests.support.fakes import ScriptedSource

if TYPE_CHECKING:
    from streaming.stream import Chunk, Source

OPENERS = [opener for openers in SOURCES.values() for opener in openers]
every_source = pytest.mark.parametrize("opener", OPENERS, ids=lambda opener: opener.__name__)
ENOUGH = 200


def read_some(source: Source) -> list[Chunk]:
    """Read until the end or until there are enough samples, empty chunks included."""
    chunks: list[Chunk] = []
    while not source.ended and sum(chunk.n_times for chunk in chunks) < ENOUGH:
        chunks.append(source.read(0.2))
    return chunks


def test_the_suite_runs_over_every_source_that_there_is() -> None:
    found = set()
    for module in pkgutil.iter_modules(streaming.sources.__path__, "streaming.sources."):
        for _, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            is_source = all(hasattr(member, name) for name in ("open", "read", "close", "ended"))
            if is_source and member.__module__ == module.name:
                found.add(member)
    assert found == set(SOURCES) - {ScriptedSource}


@every_source
def test_chunks_are_consecutive_microvolts_of_at_most_a_second(opener: Opener) -> None:
    with opener() as source:
        info = source.open()
        stop = 0
        for chunk in read_some(source):
            assert chunk.samples.dtype == np.float32
            assert chunk.samples.shape[0] == info.n_channels == len(set(info.ch_names))
            assert chunk.timestamps.dtype == np.float64
            assert chunk.n_times <= info.sfreq + 1
            assert chunk.first_sample >= stop if chunk.n_times else chunk.first_sample == stop
            stop = chunk.stop_sample
        assert stop >= ENOUGH


@every_source
def test_the_first_sample_is_number_zero(opener: Opener) -> None:
    with opener() as source:
        source.open()
        assert next(chunk for chunk in read_some(source) if chunk.n_times).first_sample == 0


@every_source
def test_a_chunk_belongs_to_whoever_read_it(opener: Opener) -> None:
    with opener() as source:
        source.open()
        chunks = [chunk for chunk in read_some(source) if chunk.n_times]
        kept = [(chunk.samples.copy(), chunk.timestamps.copy()) for chunk in chunks]
        if not source.ended:
            read_some(source)
        for chunk, (samples, timestamps) in zip(chunks, kept, strict=True):
            np.testing.assert_array_equal(chunk.samples, samples)
            np.testing.assert_array_equal(chunk.timestamps, timestamps)


@every_source
def test_markers_lie_within_what_has_been_read(opener: Opener) -> None:
    with opener() as source:
        source.open()
        for chunk in read_some(source):
            assert all(marker.timestamp <= chunk.timestamps[-1] + 1.0 for marker in chunk.markers)


@every_source
def test_after_the_end_there_is_nothing_and_no_gap(opener: Opener) -> None:
    with opener() as source:
        source.open()
        stop = max(chunk.stop_sample for chunk in read_some(source))
        while not source.ended and stop < ENOUGH:
            stop = source.read(0.2).stop_sample
        if source.ended:
            after = source.read(0.0)
            assert (after.n_times, after.first_sample) == (0, stop)
            assert source.ended


@every_source
def test_closing_is_safe_at_any_time_and_twice(opener: Opener) -> None:
    with opener() as source:
        source.close()
        source.open()
        source.read(0.0)
        source.close()
        source.close()


@every_source
def test_a_source_that_is_not_open_refuses_to_read(opener: Opener) -> None:
    with opener() as source:
        if isinstance(source, ScriptedSource):
            pytest.skip("the script is all there is to it")
        with pytest.raises(SourceError, match="before open"):
            source.read(0.0)
        source.open()
        source.close()
        with pytest.raises(SourceError, match="after close"):
            source.read(0.0)


@every_source
def test_a_closed_source_opens_again_from_zero(opener: Opener) -> None:
    with opener() as source:
        if isinstance(source, ScriptedSource):
            pytest.skip("a script is played once")
        source.open()
        read_some(source)
        source.close()
        source.open()
        assert next(chunk for chunk in read_some(source) if chunk.n_times).first_sample == 0
