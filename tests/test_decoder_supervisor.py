"""What becomes of a decoder that dies, and of one that is to be replaced."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mdjpt.signal.quality import Quality
from streaming.prediction import Prediction
from streaming.processes.decoder_process import (
    Attach,
    DecoderConfig,
    Failed,
    Finished,
    Learned,
    Moved,
    Predicted,
    Ready,
)
from streaming.processes.decoder_supervisor import MAX_RESTARTS, DecoderSupervisor
from streaming.snapshot import AlignmentStatus, ModelCard, Snapshot
from streaming.stream import StreamInfo

CONFIG = DecoderConfig(Path("model.safetensors"), hop_s=0.5)
CARD = ModelCard("model.safetensors", "released", ("a", "b"), True, "row statistics")
INFO = StreamInfo("test", ("Fz", "Cz"), 250.0)


@dataclass(eq=False)
class ScriptedDecoder:
    """Sends what it is told to and dies when nothing is left; no process."""

    config: DecoderConfig
    script: list[list[object]] = field(default_factory=list)
    lives_on: bool = False
    attached: bool = False
    ready: bool = False
    stopped: bool = False
    pid: int = 1
    given: list[Attach] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        """False once all is said."""
        return bool(self.script) or self.lives_on

    def attach(self, message: Attach) -> None:
        """Note where the samples are."""
        self.attached = True
        self.given.append(message)

    def receive(self, timeout_s: float) -> list[object]:
        """Say the next lines."""
        messages = self.script.pop(0) if self.script else []
        self.ready = self.ready or any(isinstance(m, Ready) for m in messages)
        return messages

    def stop(self, timeout_s: float) -> None:
        """Note the end."""
        self.stopped = True


class Nursery:
    """Makes scripted decoders, one script after another, and keeps them."""

    def __init__(self, *scripts: list[list[object]], lives_on: bool = False) -> None:
        self.scripts = list(scripts)
        self.lives_on = lives_on
        self.born: list[ScriptedDecoder] = []

    def __call__(self, config: DecoderConfig) -> ScriptedDecoder:
        """Make the next one."""
        script = self.scripts.pop(0) if self.scripts else []
        last = not self.scripts and self.lives_on
        self.born.append(ScriptedDecoder(config, [list(part) for part in script], last))
        return self.born[-1]


def supervisor(nursery: Nursery, config: DecoderConfig | None = CONFIG) -> DecoderSupervisor:
    """Supervise scripted decoders."""
    return DecoderSupervisor(config, lambda: 7.0, nursery)  # type: ignore[arg-type]


def predicted(index: int, n_skipped: int = 0) -> Predicted:
    """Return the answer to a window."""
    probabilities = {"a": 0.7, "b": 0.3}
    window = Prediction(
        index, 0.0, 5.0, 5.0, "ok", "a", probabilities, 0.7, Quality(2), latency_ms=20.0
    )
    return Predicted(window, n_skipped)


def test_a_decoder_that_dies_over_and_over_is_given_up() -> None:
    nursery = Nursery()
    decoders = supervisor(nursery)
    decoders.start()
    seen = []
    while decoders.working:
        decoders.receive(0.0)
        seen.append(decoders.state)
    assert seen == ["restarting"] * MAX_RESTARTS + ["failed"]
    assert len(nursery.born) == MAX_RESTARTS + 1
    assert all(decoder.stopped for decoder in nursery.born)
    assert decoders.failure is not None
    assert "signals go on" in decoders.failure.message
    assert decoders.failure.exit_code == 0  # of nothing: the session is not over


def test_a_decoder_that_loses_its_card_is_still_ready_and_says_so() -> None:
    nursery = Nursery([[Ready(CARD)], [predicted(0), Moved(replace(CARD, device_note="lost"))]])
    decoders = supervisor(nursery)
    decoders.start()
    decoders.receive(0.0)
    ready_at = decoders.ready_at
    decoders._clock = lambda: 99.0
    assert [answer.prediction.index for answer in decoders.receive(0.0)] == [0]
    assert decoders.ready_at == ready_at
    assert decoders.card is not None
    assert decoders.card.device_note == "lost"
    assert Snapshot(model=decoders.card).remarks == ("lost",)


def test_an_answer_in_between_starts_the_count_of_deaths_again() -> None:
    nursery = Nursery(*[[[Ready(CARD)], [predicted(k)]] for k in range(2 * MAX_RESTARTS)])
    decoders = supervisor(nursery)
    decoders.start()
    while decoders.n_windows < 2 * MAX_RESTARTS:
        decoders.receive(0.0)
        assert decoders.failure is None


def test_the_next_decoder_goes_on_where_the_last_one_stopped() -> None:
    learned = Learned({"features.weight_s": np.ones(1)}, AlignmentStatus())
    nursery = Nursery([[Ready(CARD)], [predicted(3, n_skipped=2), learned]], [], lives_on=True)
    decoders = supervisor(nursery)
    decoders.start()
    for _ in range(3):
        decoders.attach("ring", INFO)
        decoders.receive(0.0)
    first, second = (decoder.given[0] for decoder in nursery.born)
    assert (first.next_index, second.next_index) == (0, 4)
    assert second.learned == learned.state
    assert decoders.n_skipped == 2
    assert decoders.alignment is learned.status
    assert decoders.latency_p95_ms == 20.0


def test_what_says_that_it_cannot_work_is_not_started_again() -> None:
    nursery = Nursery([[Failed("no such model: choose another", 4)]])
    decoders = supervisor(nursery)
    decoders.start()
    decoders.receive(0.0)
    assert (decoders.state, decoders.working, len(nursery.born)) == ("failed", False, 1)


def test_the_end_of_the_stream_is_no_death() -> None:
    nursery = Nursery([[Ready(CARD), Finished()]])
    decoders = supervisor(nursery)
    decoders.start()
    decoders.receive(0.0)
    assert (decoders.finished, decoders.state, len(nursery.born)) == (True, "running", 1)


def test_a_profile_that_cannot_be_used_leaves_the_decoder_in_use() -> None:
    nursery = Nursery([[Ready(CARD)], []], [[Failed("p: damaged", 2)]], lives_on=False)
    decoders = supervisor(nursery)
    decoders.start()
    decoders.receive(0.0)
    decoders.use_profile(Path("p"))
    decoders.take_over()
    assert decoders.profile_error == "p: damaged"
    assert not nursery.born[0].stopped
    assert (decoders.state, decoders.pid) == ("running", 1)


def test_a_successor_takes_over_when_it_is_ready_and_not_before() -> None:
    other = replace(CARD, class_names=("a", "b", "c"))
    nursery = Nursery([[Ready(CARD)], []], [[], [Ready(other)], []], lives_on=True)
    decoders = supervisor(nursery)
    decoders.start()
    decoders.receive(0.0)
    decoders.use_profile(Path("p"))
    decoders.take_over()
    assert (decoders.card, decoders.state) == (CARD, "switching")
    decoders.take_over()
    assert (decoders.card, decoders.state) == (other, "running")
    assert decoders.config == replace(CONFIG, profile=Path("p"))
    assert [decoder.stopped for decoder in nursery.born] == [True, False]


def test_the_second_choice_of_a_profile_replaces_the_first() -> None:
    nursery = Nursery([[Ready(CARD)], []], [[], []], [[], []], lives_on=True)
    decoders = supervisor(nursery)
    decoders.start()
    decoders.use_profile(Path("p"))
    decoders.use_profile(Path("q"))
    assert [decoder.stopped for decoder in nursery.born] == [False, True, False]
    decoders.stop(0.0)
    assert all(decoder.stopped for decoder in nursery.born)


def test_without_a_model_there_is_nothing_to_start() -> None:
    nursery = Nursery()
    decoders = supervisor(nursery, None)
    decoders.start()
    decoders.attach("ring", INFO)
    assert decoders.receive(0.0) == []
    assert (decoders.state, nursery.born) == ("none", [])
