"""Everything that one run of the benchmark has found out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .allocations import AllocationResult
from .independent import IndependentResult
from .memory import MemoryResult
from .pairs import DIRECT, HANDWRITTEN, PLAIN, PairResult
from .peak import PeakResult
from .peers import PeerResult
from .replay import ReplayResult
from .targets import (
    Target,
    targets_of_allocations,
    targets_of_independent,
    targets_of_memory,
    targets_of_pair,
    targets_of_peak,
    targets_of_replay,
)


@dataclass
class Results:
    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    rounds: int
    seconds: float
    pairs: list[PairResult] = field(default_factory=list)
    peak: PeakResult | None = None
    replay: ReplayResult | None = None
    memory: MemoryResult | None = None
    allocations: list[AllocationResult] = field(default_factory=list)
    independent: list[IndependentResult] = field(default_factory=list)
    peers: list[PeerResult] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was left out, and why; and whether the handwritten scripts decide as they should."""

    def find_pair(self, name: str, opponent: str) -> PairResult | None:
        return next((result for result in self.pairs_against(opponent) if result.pair.name == name), None)

    def pairs_against(self, opponent: str) -> list[PairResult]:
        return [result for result in self.pairs if result.opponent == opponent]

    @property
    def targets(self) -> list[Target]:
        targets = [target for result in self.pairs_against(HANDWRITTEN) for target in targets_of_pair(result)]
        targets += [target for result in self.independent for target in targets_of_independent(result)]
        if self.peak:
            targets += targets_of_peak(self.peak)
        if self.replay:
            targets += targets_of_replay(self.replay)
        targets += [target for result in self.pairs_against(DIRECT) for target in targets_of_pair(result)]
        if self.memory:
            targets += targets_of_memory(self.memory)
        return targets + targets_of_allocations(self.allocations)

    def as_json(self) -> dict[str, Any]:
        return {
            "date": self.date,
            "machine": self.machine,
            "versions": self.versions,
            "rounds": self.rounds,
            "seconds": self.seconds,
            "targets": [target.as_json() for target in self.targets],
            "handwritten": {result.pair.name: pair_as_json(result) for result in self.pairs_against(HANDWRITTEN)},
            "plain": {result.pair.name: pair_as_json(result) for result in self.pairs_against(PLAIN)},
            "pairs": {result.pair.name: pair_as_json(result) for result in self.pairs_against(DIRECT)},
            "peak": self.peak.as_json() if self.peak else None,
            "replay": self.replay.as_json() if self.replay else None,
            "memory": self.memory.as_json() if self.memory else None,
            "allocations": [result.as_json() for result in self.allocations],
            "redis_benchmark": [result.as_json() for result in self.independent],
            "peers": [result.as_json() for result in self.peers],
            "notes": self.notes,
        }


def pair_as_json(result: PairResult) -> dict[str, Any]:
    return {
        "what": result.pair.what,
        "load": vars(result.pair.load),
        "ratio": {
            "requests_per_second": result.ratio(lambda run: run.requests_per_second).as_json(),
            "p50": result.ratio(lambda run: run.p50).as_json(),
            "p99": result.ratio(lambda run: run.p99).as_json(),
            "script_us": result.ratio(lambda run: run.script_us).as_json(),
        },
        "sidecar": [run.as_json() for run in result.sidecar],
        result.opponent: [run.as_json() for run in result.other],
    }
