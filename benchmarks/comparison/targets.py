"""What Tollgate sets out to reach, and whether it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .allocations import AllocationResult
from .memory import MemoryResult
from .pairs import PairResult
from .spread import Spread


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
    name, is_valid = result.pair.name, result.faults == 0
    throughput = result.ratio(lambda run: run.requests_per_second)
    p99 = result.ratio(lambda run: run.p99)

    def floor(what: str, bound: float, measured: Spread, unit: str = "") -> Target:
        return Target(f"{name}: {what}", bound, True, measured, unit, is_valid)

    def ceiling(what: str, bound: float, measured: Spread, unit: str = "") -> Target:
        return Target(f"{name}: {what}", bound, False, measured, unit, is_valid)

    cpu = ceiling("sidecar CPU a check", 1.5, result.of_sidecar(lambda run: run.sidecar_cpu_us), " µs")
    targets: dict[str, Callable[[], list[Target]]] = {
        "wide": lambda: [floor("checks/s, sidecar over direct", 3, throughput), cpu],
        "hot": lambda: [floor("checks/s, sidecar over direct", 8, throughput), cpu],
        "record": lambda: [floor("records/s, sidecar over direct", 3, throughput)],
        "single": lambda: [ceiling("p50, sidecar over direct", 1.35, result.ratio(lambda run: run.p50))],
        "shallow": lambda: [
            floor("checks/s, sidecar over direct", 1.5, throughput),
            ceiling("p99, sidecar over direct", 1, p99),
        ],
        "open": lambda: [
            ceiling("p99", 3, result.of_sidecar(lambda run: run.p99), " ms"),
            ceiling("p99, sidecar over direct", 1, p99),
        ],
    }
    return targets[name]()


def targets_of_memory(result: MemoryResult) -> list[Target]:
    return [Target("memory: sidecar, 100,000 users", 80, False, Spread([result.cached_megabytes]), " MB")]


def targets_of_allocations(results: list[AllocationResult]) -> list[Target]:
    return [
        Target(f"allocations a check, {result.users:,} users", 1, False, Spread(result.per_check)) for result in results
    ]
