"""The journal: what was recorded while Redis stood still, and how long it takes to be applied afterwards."""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from .children import BenchmarkError, wait_until
from .generator import Generator, Load
from .sidecar import Sidecar
from .stage import Settings, Stage

RECORDS = 100_000
LOAD = Load(users=100_000, mix="record=100")
POLL = 0.02
MOST_SECONDS = 300


@dataclass(frozen=True)
class ReplayResult:
    seconds: list[float]
    """From when Redis goes on until the journal is empty, a round each."""
    first: list[float]
    """The part of it until the sidecar has connected again and the journal begins to shrink."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_replay(settings: Settings) -> ReplayResult:
    seconds, first = [], []
    for number in range(settings.rounds):
        with Stage(settings) as stage:
            began, ended = replay_once(stage)
        first.append(began)
        seconds.append(ended)
        print(f"replay {number + 1}: {RECORDS:,} RECORDs in {ended:.2f} s, {began:.2f} s to begin", file=sys.stderr)
    return ReplayResult(seconds, first)


def replay_once(stage: Stage) -> tuple[float, float]:
    """Seconds until the journal began to shrink, and until it was empty."""
    generator, sidecar = Generator(stage), stage.sidecar
    generator.fill(sidecar, LOAD, LOAD.users)
    os.kill(stage.redis.pid, signal.SIGSTOP)
    try:
        # Until a deadline has passed and the links are given up, RECORDs wait; then they go to the journal at once.
        wait_until(lambda: record_is_queued(sidecar), "the queueing of a RECORD", 60)
        report = generator.fill_plainly("sidecar", sidecar.port, LOAD, RECORDS)
        queued = sidecar.journal()["operations"]
    finally:
        os.kill(stage.redis.pid, signal.SIGCONT)
    start = time.monotonic()
    if report["replies"]["error"] or queued < RECORDS:
        raise BenchmarkError(f"the journal took {queued} of {RECORDS} RECORDs: {report['errors']}")
    began = 0.0
    while left := sidecar.journal()["operations"]:
        now = time.monotonic() - start
        if not began and left < queued:
            began = now
        if now > MOST_SECONDS:
            raise BenchmarkError(f"the journal is not empty after {MOST_SECONDS} s: {left} operations are left")
        time.sleep(POLL)
    ended = time.monotonic() - start
    if rejected := sidecar.journal()["rejected"]:
        raise BenchmarkError(f"Redis could not apply {rejected} entries of the journal")
    return began, ended


def record_is_queued(sidecar: Sidecar) -> bool:
    try:
        return "queued=1" in sidecar.ask("RECORD", "user=u0", "tokens=1")
    except BenchmarkError:
        # It ran into its deadline.
        return False
