"""The pairs: the same load through a sidecar and straight to Redis, in turns."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .generator import Generator, Load, Run
from .spread import Spread
from .stage import Settings, Stage

PREFILL_PER_USER = 6
"""Random requests for each user; of so many users all but a few in a thousand are among them."""


@dataclass(frozen=True)
class Pair:
    name: str
    what: str
    load: Load


WIDE = Load(users=100_000)
PAIRS = [
    Pair("wide", "CHECK, 100 000 users, 64 connections × 16 deep", WIDE),
    Pair("hot", "CHECK, 100 users, 64 × 16", Load(users=100)),
    Pair("record", "RECORD, 100 000 users, 64 × 16", replace(WIDE, mix="record=100")),
    Pair("single", "CHECK, 1000 users, 1 × 1", Load(users=1_000, connections=1, pipeline=1)),
    Pair("shallow", "CHECK, 1000 users, 64 × 1", Load(users=1_000, pipeline=1)),
    Pair("open", "CHECK, 100 000 users, open loop at half the sidecar's peak", WIDE),
]


@dataclass
class PairResult:
    """The runs of both sides, a round each."""

    pair: Pair
    sidecar: list[Run] = field(default_factory=list)
    direct: list[Run] = field(default_factory=list)

    def of_sidecar(self, value: Callable[[Run], float]) -> Spread:
        return Spread([value(run) for run in self.sidecar])

    def of_direct(self, value: Callable[[Run], float]) -> Spread:
        return Spread([value(run) for run in self.direct])

    def ratio(self, value: Callable[[Run], float]) -> Spread:
        """Sidecar over direct, round by round."""
        return Spread([value(a) / max(value(b), 1e-9) for a, b in zip(self.sidecar, self.direct, strict=True)])

    @property
    def faults(self) -> int:
        return sum(run.faults for run in self.sidecar)


def measure_pair(settings: Settings, pair: Pair, peak: float | None) -> PairResult:
    """`peak` is what the sidecar did at its fastest, where that was measured; an open loop needs it."""
    with Stage(settings) as stage:
        generator = Generator(stage)
        generator.prefill(pair.load, max(pair.load.users * PREFILL_PER_USER, 10_000))
        if pair.name == "open":
            peak = peak or generator.run_sidecar(pair.load).requests_per_second
            pair = replace(pair, load=replace(pair.load, rate=max(int(peak / 2), 1)))
        result = PairResult(pair)
        for number in range(settings.rounds):
            result.sidecar.append(generator.run_sidecar(pair.load))
            result.direct.append(generator.run_direct(pair.load))
            tell_round(pair, number, result)
        return result


def tell_round(pair: Pair, number: int, result: PairResult) -> None:
    sides = [("sidecar", result.sidecar[-1]), ("direct", result.direct[-1])]
    words = "; ".join(f"{name} {run.requests_per_second:,.0f}/s p99 {run.p99:.2f} ms" for name, run in sides)
    print(f"{pair.name} {number + 1}: {words}", file=sys.stderr)
