"""The sidecar at the pace at which handwritten is at its limit: an open loop at handwritten's closed-loop peak."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field, replace
from typing import Any

from .generator import Generator, Run
from .pairs import HANDWRITTEN, WIDE, prefill
from .spread import Spread
from .stage import Settings, Stage

SUSTAINED = 0.99
"""The part of the rate that has to be answered for it to be sustained."""


@dataclass
class PeakResult:
    rate: int
    """Checks a second that handwritten did in `wide`."""
    runs: list[Run] = field(default_factory=list)

    @property
    def p99(self) -> Spread:
        return Spread([run.p99 for run in self.runs])

    @property
    def sustained(self) -> Spread:
        """Answered over asked."""
        return Spread([run.requests_per_second / self.rate for run in self.runs])

    @property
    def faults(self) -> int:
        return sum(run.faults for run in self.runs)

    def as_json(self) -> dict[str, Any]:
        return {"rate": self.rate, "runs": [run.as_json() for run in self.runs]}


def measure_peak(settings: Settings, rate: float | None) -> PeakResult:
    """`rate` is handwritten's peak, where `wide` has measured it."""
    with Stage(settings) as stage:
        generator = Generator(stage)
        prefill(generator, stage, WIDE, [] if rate else [HANDWRITTEN])
        rate = rate or generator.run_script(HANDWRITTEN, WIDE).requests_per_second
        result = PeakResult(max(int(rate), 1))
        load = replace(WIDE, rate=result.rate)
        for number in range(settings.rounds):
            result.runs.append(generator.run_sidecar(load))
            run = result.runs[-1]
            words = f"{run.requests_per_second:,.0f} of {result.rate:,}/s, p99 {run.p99:.2f} ms"
            print(f"peak {number + 1}: {words}", file=sys.stderr)
        return result
