"""How large an online evaluation is, and what it compares."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from mdjpt.alignment.config import AlignmentConfig
from mdjpt.evaluation.online.sessions import CONDITIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ALIGNERS", "LABELS", "QUICK", "OnlineSettings", "SessionKey", "name_of"]

ALIGNERS: dict[str, AlignmentConfig] = {
    "none": AlignmentConfig(),
    "moments": AlignmentConfig("moments"),
    "moments, 60 s prior": AlignmentConfig("moments", prior_s=60.0),
    "moments, 120 s prior": AlignmentConfig("moments", prior_s=120.0),
    "moments, 60 s memory": AlignmentConfig("moments", memory_s=60.0, prior_s=10.0),
    "moments, class-covering": AlignmentConfig("moments", class_covering=True),
    "rows": AlignmentConfig("rows"),
    "covariance-input": AlignmentConfig("covariance-input"),
    "covariance-mixed": AlignmentConfig("covariance-mixed"),
}
"""What is compared, by its name in the tables; the first is what the others are compared with."""
LABELS = ("balanced", "blocked")
"""Emotions in short blocks by turns, or each in one long block."""
_FIRST_PARTICIPANT, _PARTICIPANTS_A_SEED = 6000, 20
_FIRST_OF_CROWD, _CROWD_A_SEED = 100_000, 1000


def name_of(config: AlignmentConfig) -> str:
    """Return the name of one of :data:`ALIGNERS`; ValueError for another configuration."""
    for name, known in ALIGNERS.items():
        if known == config:
            return name
    raise ValueError(f"the evaluation knows no alignment {config}")


@dataclass(frozen=True, slots=True)
class SessionKey:
    """One simulated session."""

    seed: int
    participant: int
    condition: str
    """How they are connected, a key of :data:`~mdjpt.evaluation.online.sessions.CONDITIONS`."""
    labels: str
    """Order of the emotions."""
    crowd: bool = False
    """True for one of the many who are seen once, for their confidence."""

    @property
    def name(self) -> str:
        """Of its file."""
        place = f"{self.seed}-{self.participant}" + ("-crowd" if self.crowd else "")
        return f"{self.condition} {self.labels} {place}".replace(" ", "-")

    @property
    def person(self) -> int:
        """Seed of the simulated participant."""
        if self.crowd:
            return _FIRST_OF_CROWD + _CROWD_A_SEED * self.seed + self.participant
        return _FIRST_PARTICIPANT + _PARTICIPANTS_A_SEED * self.seed + self.participant


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineSettings:
    """Size of an evaluation."""

    # Groups of participants. What is to be reported is never what was chosen by: seeds from 100 on
    # are for choosing.
    n_seeds: int = 5
    first_seed: int = 0
    n_participants: int = 3
    """Of a seed. In blocked sessions each begins with another class, so a multiple of the classes
    gives every span of time all of them."""
    minutes: float = 6.0
    """Length of a session."""
    hop_s: float = 2.0
    """Seconds from window to window."""
    conditions: tuple[str, ...] = tuple(CONDITIONS)
    """How participants are connected."""
    aligners: tuple[str, ...] = tuple(ALIGNERS)
    """What is compared."""
    test_s: float = 180.0
    """Seconds of the test behind each calibration; 0 leaves the calibrations out."""
    n_crowd: int = 50
    """Further people, each in one session, conditions and orders of labels in turn: how sure the
    decoder may be differs so much from person to person that it takes many to measure it."""

    @property
    def seeds(self) -> range:
        """All seeds."""
        return range(self.first_seed, self.first_seed + self.n_seeds)

    def sessions(self) -> Iterator[SessionKey]:
        """All sessions, seed after seed."""
        for seed in self.seeds:
            for condition in self.conditions:
                for labels in LABELS:
                    for participant in range(self.n_participants):
                        yield SessionKey(seed, participant, condition, labels)

    def crowd(self) -> Iterator[SessionKey]:
        """One session of each of many people."""
        for k in range(self.n_crowd):
            condition = self.conditions[k % len(self.conditions)]
            labels = LABELS[k // len(self.conditions) % len(LABELS)]
            yield SessionKey(self.first_seed, k, condition, labels, crowd=True)

    def calibrated(self) -> Iterator[int]:
        """Seeds of the participants who are calibrated."""
        for seed in self.seeds if self.test_s else ():
            for participant in range(self.n_participants):
                yield SessionKey(seed, participant, "usual", "balanced").person

    def of_a_part(self) -> dict[str, Any]:
        """Return all that a part's content depends on, as JSON types.

        How many seeds and participants there are is none of it: an evaluation can grow.
        """
        return {
            "minutes": self.minutes,
            "hop_s": self.hop_s,
            "test_s": self.test_s,
            "aligners": {name: asdict(ALIGNERS[name]) for name in self.aligners},
            "conditions": {name: asdict(condition) for name, condition in CONDITIONS.items()},
        }


QUICK = OnlineSettings(
    n_seeds=1,
    n_participants=1,
    minutes=1.0,
    hop_s=5.0,
    conditions=("usual", "other montage"),
    aligners=("none", "moments", "rows"),
    test_s=45.0,
    n_crowd=2,
)
"""Seconds instead of minutes, which shows only that it runs."""
