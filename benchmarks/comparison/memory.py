"""What users cost in memory: in the sidecar, which keeps what it has worked out for them, and in Redis."""

from __future__ import annotations

import statistics
import sys
from dataclasses import asdict, dataclass
from typing import Any

from .generator import Generator, Load
from .redis_server import RedisServer
from .sidecar import resident_megabytes
from .stage import SIDECAR_NAMESPACE, Settings, Stage

USERS = 100_000
MORE_USERS = 500_000
"""The same ones and 400 000 others."""
REQUESTS_PER_USER, REQUESTS_PER_MORE_USER = 6, 3
"""Random ones; nearly all users are among those of so many requests."""
SAMPLE = 500


@dataclass(frozen=True)
class MemoryResult:
    idle_megabytes: float
    cached_megabytes: float
    """After all of `USERS` have passed, several times each."""
    cached_scopes: int
    """Over all workers; each keeps its own."""
    passed_megabytes: float
    """After `MORE_USERS` have."""
    passed_scopes: int
    redis_bytes: dict[str, float]
    """Median MEMORY USAGE of a user's keys: what decisions need, its day, its month."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def measure_memory(settings: Settings) -> MemoryResult:
    print("memory: 100 000 users, then 400 000 others", file=sys.stderr)
    with Stage(settings) as stage:
        generator, sidecar = Generator(stage), stage.sidecar
        idle = resident_megabytes(sidecar.pid)
        generator.fill(sidecar, Load(users=USERS), USERS * REQUESTS_PER_USER)
        cached, cached_scopes = resident_megabytes(sidecar.pid), sidecar.counts()["scopes_cached"]
        redis_bytes = sample_users(stage.redis)
        generator.fill(sidecar, Load(users=MORE_USERS), MORE_USERS * REQUESTS_PER_MORE_USER)
        return MemoryResult(
            idle_megabytes=idle,
            cached_megabytes=cached,
            cached_scopes=cached_scopes,
            passed_megabytes=resident_megabytes(sidecar.pid),
            passed_scopes=sidecar.counts()["scopes_cached"],
            redis_bytes=redis_bytes,
        )


def sample_users(redis: RedisServer) -> dict[str, float]:
    """Some users' keys, wherever a scan begins."""
    sizes: dict[str, list[int]] = {"decisions": [], "day": [], "month": []}
    cursor: object = 0
    while any(len(found) < SAMPLE for found in sizes.values()):
        cursor, keys = redis.ask("SCAN", cursor, "MATCH", f"{SIDECAR_NAMESPACE}:user:*", "COUNT", 1_000)
        for key in keys:
            found = sizes[kind_of_key(key)]
            if len(found) < SAMPLE:
                found.append(redis.ask("MEMORY", "USAGE", key))
        if cursor == b"0":
            break
    return {name: statistics.median(found) for name, found in sizes.items() if found}


def kind_of_key(key: bytes) -> str:
    if b":month:" in key:
        return "month"
    return "day" if b":day:" in key else "decisions"
