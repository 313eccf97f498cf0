"""What Tollgate sets out to reach, and whether it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .allocations import AllocationResult
from .independent import IndependentResult
from .memory import MemoryResult
from .pairs import HANDWRITTEN, PairResult
from .peak import SUSTAINED, PeakResult
from .replay import ReplayResult
from .spread import Spread

HOT_USERS = 100


@dataclass(frozen=True)
class Target:
    name: str
    bound: float
    is_floor: bool
    measured: Spread
    unit: str = ""
    is_valid: bool = True
    """Whether every request of the sidecar's runs was answered as it should be."""

    @property
    def is_met(self) -> bool:
        """By the median."""
        reaches = self.measured.median >= self.bound if self.is_floor else self.measured.median <= self.bound
        return reaches and self.is_valid

    @property
    def bound_text(self) -> str:
        return f"{'≥' if self.is_floor else '≤'} {self.bound:g}{self.unit}"

    @property
    def verdict(self) -> str:
        if not self.is_valid:
            return "missed: refusals or errors"
        return "met" if self.is_met else "missed"

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "target": self.bound_text,
            "measured": self.measured.as_json(),
            "met": self.is_met,
        }


def targets_of_pair(result: PairResult) -> list[Target]:
    return against_handwritten(result) if result.opponent == HANDWRITTEN else against_direct(result)


class Bounds:
    """Targets of one pair."""

    def __init__(self, result: PairResult) -> None:
        self._name, self._opponent, self._is_valid = result.pair.name, result.opponent, result.faults == 0
        self.throughput = result.ratio(lambda run: run.requests_per_second)
        self.p50 = result.ratio(lambda run: run.p50)
        self.p99 = result.ratio(lambda run: run.p99)
        self.script = result.ratio(lambda run: run.script_us)

    def floor(self, what: str, bound: float, measured: Spread) -> Target:
        return Target(f"{self._name}: {what} over {self._opponent}", bound, True, measured, "", self._is_valid)

    def ceiling(self, what: str, bound: float, measured: Spread) -> Target:
        return Target(f"{self._name}: {what} over {self._opponent}", bound, False, measured, "", self._is_valid)

    def alone(self, what: str, bound: float, measured: Spread, unit: str) -> Target:
        """A ceiling of what the sidecar does, whatever the opponent."""
        return Target(f"{self._name}: {what}", bound, False, measured, unit, self._is_valid)


def against_handwritten(result: PairResult) -> list[Target]:
    to = Bounds(result)
    targets: dict[str, Callable[[], list[Target]]] = {
        "wide": lambda: [
            to.ceiling("µs in Redis a check, 512 a call,", 0.35, to.script),
            to.floor("checks/s", 3, to.throughput),
        ],
        "hot": lambda: [
            to.ceiling("µs in Redis a check, 512 a call,", 0.17, to.script),
            to.floor("checks/s", 6, to.throughput),
        ],
        "record": lambda: [to.floor("records/s", 2.5, to.throughput)],
        "reserve": lambda: [to.floor("RESERVE + COMMIT/s", 2, to.throughput)],
        "single": lambda: [
            to.ceiling("µs in Redis a check, 1 a call,", 1.2, to.script),
            to.ceiling("p50", 1.35, to.p50),
        ],
        "sixteen": lambda: [to.ceiling("µs in Redis a check, 16 a call,", 0.6, to.script)],
        "shallow": lambda: [to.floor("checks/s", 2.5, to.throughput), to.ceiling("p99", 0.6, to.p99)],
    }
    return targets.get(result.pair.name, list)()


def against_direct(result: PairResult) -> list[Target]:
    to = Bounds(result)
    cpu = to.alone("sidecar CPU a check", 1.5, result.of_sidecar(lambda run: run.sidecar_cpu_us), " µs")
    targets: dict[str, Callable[[], list[Target]]] = {
        "wide": lambda: [to.floor("checks/s", 3, to.throughput), cpu],
        "hot": lambda: [to.floor("checks/s", 8, to.throughput), cpu],
        "record": lambda: [to.floor("records/s", 3, to.throughput)],
        "single": lambda: [to.ceiling("p50", 1.35, to.p50)],
        "shallow": lambda: [to.floor("checks/s", 1.5, to.throughput), to.ceiling("p99", 1, to.p99)],
        "open": lambda: [
            to.alone("p99", 3, result.of_sidecar(lambda run: run.p99), " ms"),
            to.ceiling("p99", 1, to.p99),
        ],
    }
    return targets.get(result.pair.name, list)()


def targets_of_independent(result: IndependentResult) -> list[Target]:
    if HANDWRITTEN not in result.sides:
        return []
    speed, p50, p99 = (of(HANDWRITTEN) for of in (result.ratio, result.p50_ratio, result.p99_ratio))

    def target(what: str, bound: float, is_floor: bool, measured: Spread) -> Target:
        return Target(f"redis-benchmark, {result.shape.name}: {what} over handwritten", bound, is_floor, measured)

    connections, pipeline = result.shape.connections, result.shape.pipeline
    if connections == 1:
        return [target("p50", 1.35, False, p50)]
    if pipeline == 1:
        return [target("checks/s", 2.5, True, speed), target("p99", 0.6, False, p99)]
    return [target("checks/s", 3 if result.shape.users > HOT_USERS else 6, True, speed)]


def targets_of_peak(result: PeakResult) -> list[Target]:
    is_valid = result.faults == 0
    return [
        Target("peak: answered of handwritten's peak", SUSTAINED, True, result.sustained, "", is_valid),
        Target("peak: p99", 10, False, result.p99, " ms", is_valid),
    ]


def targets_of_replay(result: ReplayResult) -> list[Target]:
    return [Target("replay: 100,000 RECORDs", 3, False, Spread(result.seconds), " s")]


def targets_of_memory(result: MemoryResult) -> list[Target]:
    return [Target("memory: sidecar, 100,000 users", 80, False, Spread([result.cached_megabytes]), " MB")]


def targets_of_allocations(results: list[AllocationResult]) -> list[Target]:
    return [
        Target(f"allocations a check, {result.users:,} users", 1, False, Spread(result.per_check)) for result in results
    ]
