"""The pairs: the same load through a sidecar and straight to Redis, in turns."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .generator import Generator, Load, Run
from .spread import Spread
from .stage import BUDGET_POLICY, POLICY, Settings, Stage

PREFILL_PER_USER = 6
"""Random requests for each user; of so many users all but a few in a thousand are among them."""

RESERVE_PREFILL_PER_USER = 3
"""Half of them are COMMITs."""

DIRECT, HANDWRITTEN, PLAIN = "direct", "handwritten", "plain"
OPPONENTS = [HANDWRITTEN, PLAIN, DIRECT]


@dataclass(frozen=True)
class Pair:
    name: str
    what: str
    load: Load
    opponents: tuple[str, ...] = (HANDWRITTEN, PLAIN, DIRECT)
    policy: str = POLICY


WIDE = Load(users=100_000)
PAIRS = [
    Pair("wide", "CHECK, 100 000 users, 64 connections × 16 deep", WIDE),
    Pair("hot", "CHECK, 100 users, 64 × 16", Load(users=100)),
    Pair("record", "RECORD, 100 000 users, 64 × 16", replace(WIDE, mix="record=100"), (HANDWRITTEN, DIRECT)),
    Pair(
        "reserve",
        "RESERVE and its COMMIT, two requests, 100 000 users, 64 × 16; the user has a budget besides",
        replace(WIDE, mix="reserve=100"),
        (HANDWRITTEN,),
        BUDGET_POLICY,
    ),
    Pair("single", "CHECK, 1000 users, 1 × 1", Load(users=1_000, connections=1, pipeline=1)),
    Pair("sixteen", "CHECK, 100 000 users, 1 × 16", replace(WIDE, connections=1), (HANDWRITTEN, PLAIN)),
    Pair("burst", "CHECK, 1000 users, 16 × 1", Load(users=1_000, connections=16, pipeline=1), (HANDWRITTEN,)),
    Pair("shallow", "CHECK, 1000 users, 64 × 1", Load(users=1_000, pipeline=1)),
    Pair("open", "CHECK, 100 000 users, open loop at half the sidecar's peak", WIDE, (DIRECT,)),
]


@dataclass
class PairResult:
    """The runs of the sidecar and of one opponent, a round each; the same generator asked both."""

    pair: Pair
    opponent: str
    sidecar: list[Run] = field(default_factory=list)
    other: list[Run] = field(default_factory=list)

    def of_sidecar(self, value: Callable[[Run], float]) -> Spread:
        return Spread([value(run) for run in self.sidecar])

    def of_other(self, value: Callable[[Run], float]) -> Spread:
        return Spread([value(run) for run in self.other])

    def ratio(self, value: Callable[[Run], float]) -> Spread:
        """Sidecar over opponent, round by round."""
        return Spread([value(a) / max(value(b), 1e-9) for a, b in zip(self.sidecar, self.other, strict=True)])

    @property
    def faults(self) -> int:
        """Those of the sidecar; and of a script, whose errors would be cheaper than what it is asked for."""
        return sum(run.faults for run in self.sidecar + (self.other if self.opponent != DIRECT else []))


def measure_pair(settings: Settings, pair: Pair, opponents: list[str], peak: float | None) -> list[PairResult]:
    """One result for each opponent that the pair and the caller both have.

    `peak` is what the sidecar did at its fastest, where that was measured; an open loop needs it.
    """
    results = [PairResult(pair, opponent) for opponent in pair.opponents if opponent in opponents]
    if not results:
        return []
    with Stage(settings, policy=pair.policy) as stage:
        generator = Generator(stage)
        prefill(generator, stage, pair.load, [result.opponent for result in results])
        if pair.name == "open":
            peak = peak or generator.run_sidecar(pair.load).requests_per_second
            pair = replace(pair, load=replace(pair.load, rate=max(int(peak / 2), 1)))
            for result in results:
                result.pair = pair
        for number in range(settings.rounds):
            for result in results:
                if result.opponent == DIRECT:
                    result.sidecar.append(generator.run_sidecar(pair.load))
                    result.other.append(generator.run_direct(pair.load))
                else:
                    result.sidecar.append(generator.run_sidecar_plainly(pair.load))
                    result.other.append(generator.run_script(result.opponent, pair.load))
                tell_round(pair, number, result)
    return results


def prefill(generator: Generator, stage: Stage, load: Load, opponents: list[str]) -> None:
    """Makes the keys of (nearly) all users on all sides, and warms the sidecar's cache."""
    is_reserve = load.work == "reserve"
    count = max(load.users * (RESERVE_PREFILL_PER_USER if is_reserve else PREFILL_PER_USER), 10_000)
    if is_reserve:
        generator.fill_plainly("sidecar", stage.sidecar.port, load, count)
    else:
        generator.fill(stage.sidecar, load, count)
    for opponent in opponents:
        if opponent == DIRECT:
            generator.prefill_direct(load, count)
        else:
            generator.prefill_script(opponent, load, count)


def tell_round(pair: Pair, number: int, result: PairResult) -> None:
    sides = [("sidecar", result.sidecar[-1]), (result.opponent, result.other[-1])]
    words = "; ".join(
        f"{name} {run.requests_per_second:,.0f}/s p99 {run.p99:.2f} ms, {run.script_us:.1f} µs in Redis"
        for name, run in sides
    )
    print(f"{pair.name} {number + 1}: {words}", file=sys.stderr)
