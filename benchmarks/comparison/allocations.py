"""Heap allocations of the sidecar: counted by a library in front of malloc, read while a load runs."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .children import Children
from .generator import Generator, Load
from .stage import Settings, Stage

SOURCE = Path(__file__).parent.parent / "allocations.c"
COUNTER_VARIABLE = "TOLLGATE_TEST_ALLOCATION_COUNTER"
STEADY_AFTER = 1.0
FILL_PER_USER = 12
"""More than elsewhere: each worker of the sidecar keeps users by itself, and all are to be known to all."""


@dataclass(frozen=True)
class AllocationResult:
    users: int
    per_check: list[float]
    """A round each."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_allocations(settings: Settings) -> list[AllocationResult] | str:
    """A sentence where they cannot be counted."""
    compiler = shutil.which("cc")
    if not compiler:
        return "allocations were not counted: there is no cc"
    with tempfile.TemporaryDirectory(prefix="tollgate-bench-") as name:
        library, counter = Path(name) / "allocations.so", Path(name) / "counter"
        compile_library(settings.children, compiler, library)
        return [measure_users(settings, users, library, counter) for users in (100, 100_000)]


def compile_library(children: Children, compiler: str, library: Path) -> None:
    children.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"], timeout=60)


def measure_users(settings: Settings, users: int, library: Path, counter: Path) -> AllocationResult:
    counter.write_bytes(bytes(8))
    load = Load(users=users)
    with Stage(settings, {"LD_PRELOAD": str(library), COUNTER_VARIABLE: str(counter)}) as stage:
        generator, sidecar = Generator(stage), stage.sidecar
        generator.fill(sidecar, load, max(users * FILL_PER_USER, 50_000))
        per_check = []
        for number in range(settings.rounds):
            run = generator.launch(load, sidecar, settings.seconds + 2 * STEADY_AFTER)
            time.sleep(STEADY_AFTER)
            answered, allocated = sidecar.answered(), read_counter(counter)
            time.sleep(settings.seconds)
            answered, allocated = sidecar.answered() - answered, read_counter(counter) - allocated
            settings.children.finish(run, timeout=settings.seconds + 60)
            per_check.append(allocated / max(answered, 1))
            print(f"allocations, {users} users, {number + 1}: {per_check[-1]:.2f} a check", file=sys.stderr)
        return AllocationResult(users, per_check)


def read_counter(counter: Path) -> int:
    return int.from_bytes(counter.read_bytes(), sys.byteorder)
