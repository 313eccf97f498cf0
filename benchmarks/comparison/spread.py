"""Several measurements of one thing."""

from __future__ import annotations

import statistics
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    values: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        return min(self.values)

    @property
    def most(self) -> float:
        return max(self.values)

    def text(self, digits: int = 2, unit: str = "") -> str:
        """`3.21 (3.10 … 3.40)`; one value alone stands alone."""
        middle = f"{self.median:,.{digits}f}{unit}"
        if len(self.values) == 1:
            return middle
        return f"{middle} ({self.least:,.{digits}f} … {self.most:,.{digits}f})"

    def as_json(self) -> dict[str, float]:
        return {"median": self.median, "min": self.least, "max": self.most}
