"""One contender for one run: how many checks a second a Python process gets, one after the other.

Run by `benchmarks/compare` with the Python of an environment that has limits, pyrate-limiter and redis. Every check is
about one user, one tool and one provider, and over six limits: user 1m 1h 24h, tool 1m 1h, provider 1m.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from collections.abc import Callable

import redis

TOOLS = 20
PROVIDERS = 4
PIPELINE = 16
WARMUP = 0.5

MINUTE, HOUR, DAY = 60, 3_600, 86_400
LIMITS = {
    "user": {MINUTE: 1_000_000, HOUR: 10_000_000, DAY: 100_000_000},
    "tool": {MINUTE: 100_000_000, HOUR: 1_000_000_000},
    "provider": {MINUTE: 1_000_000_000},
}

Scopes = dict[str, str]
"""Kind to id: {'user': 'u7', 'tool': 't3', 'provider': 'p1'}."""

Check = Callable[[list[Scopes]], bool]
"""Decides over each; whether all may pass."""


def check_with_limits(strategy: str, port: int) -> Check:
    """limits: a limit is an object, and each is hit by itself."""
    from limits import RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
    from limits.storage import storage_from_string
    from limits.strategies import MovingWindowRateLimiter, SlidingWindowCounterRateLimiter

    makers = {MINUTE: RateLimitItemPerMinute, HOUR: RateLimitItemPerHour, DAY: RateLimitItemPerDay}
    strategies = {"moving-window": MovingWindowRateLimiter, "sliding-window-counter": SlidingWindowCounterRateLimiter}
    limiter = strategies[strategy](storage_from_string(f"redis://127.0.0.1:{port}"))
    items = {kind: [makers[period](most) for period, most in limits.items()] for kind, limits in LIMITS.items()}

    def check(batch: list[Scopes]) -> bool:
        return all(limiter.hit(item, kind, scopes[kind]) for scopes in batch for kind in items for item in items[kind])

    return check


def check_with_pyrate(port: int, is_gcra: bool) -> Check:
    """pyrate-limiter: a scope is a bucket that holds all its rates, made when it is first seen."""
    from pyrate_limiter import BucketFactory, Limiter, Rate, RateItem, RedisBucket, RedisStateStore, StateBucket

    client = redis.Redis(port=port)
    rates = {kind: [Rate(most, period * 1_000) for period, most in limits.items()] for kind, limits in LIMITS.items()}

    class Buckets(BucketFactory):
        def __init__(self) -> None:
            self.buckets: dict[str, RedisBucket | StateBucket] = {}

        def wrap_item(self, name: str, weight: int = 1) -> RateItem:
            return RateItem(name, time.time_ns() // 1_000_000, weight=weight)

        def get(self, item: RateItem) -> RedisBucket | StateBucket:
            bucket = self.buckets.get(item.name)
            if bucket is None:
                bucket = self.buckets[item.name] = self.make(item.name)
                self.schedule_leak(bucket)
            return bucket

        def make(self, name: str) -> RedisBucket | StateBucket:
            its_rates = rates[name.partition(":")[0]]
            if is_gcra:
                return StateBucket(its_rates, store=RedisStateStore(client, name))
            return RedisBucket.init(its_rates, client, name)

    limiter = Limiter(Buckets())

    def check(batch: list[Scopes]) -> bool:
        return all(
            limiter.try_acquire(f"{kind}:{name}", blocking=False) for scopes in batch for kind, name in scopes.items()
        )

    return check


def check_with_tollgate(port: int, is_pipelined: bool) -> Check:
    """redis-py as it is, against the sidecar's port."""
    client = redis.Redis(port=port)

    def words(scopes: Scopes) -> list[str]:
        return ["CHECK", *(f"{kind}={name}" for kind, name in scopes.items())]

    def check_all(batch: list[Scopes]) -> bool:
        pipeline = client.pipeline(transaction=False)
        for scopes in batch:
            pipeline.execute_command(*words(scopes))
        return all(bytes(reply).startswith(b"ALLOW") for reply in pipeline.execute())

    def check_one(batch: list[Scopes]) -> bool:
        return bytes(client.execute_command(*words(batch[0]))).startswith(b"ALLOW")

    return check_all if is_pipelined else check_one


def measure(check: Check, batch: int, users: int, seconds: float) -> dict[str, float]:
    numbers = random.Random(1)

    def pick() -> Scopes:
        return {
            "user": f"u{numbers.randrange(users)}",
            "tool": f"t{numbers.randrange(TOOLS)}",
            "provider": f"p{numbers.randrange(PROVIDERS)}",
        }

    latencies: list[float] = []
    begin = time.perf_counter()
    begin_counting, end = begin + WARMUP, begin + WARMUP + seconds
    finished = begin
    while finished < end:
        scopes = [pick() for _ in range(batch)]
        asked = time.perf_counter()
        if not check(scopes):
            raise SystemExit("a check was refused, and none should be")
        finished = time.perf_counter()
        if asked >= begin_counting:
            latencies.append(finished - asked)
    return {
        "checks_per_second": len(latencies) * batch / (finished - begin_counting),
        "p50_ms": statistics.median(latencies) * 1_000,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender")
    parser.add_argument("--redis", type=int, required=True, metavar="PORT")
    parser.add_argument("--tollgate", type=int, required=True, metavar="PORT")
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5)
    given = parser.parse_args()
    makers: dict[str, Callable[[], Check]] = {
        "limits-moving-window": lambda: check_with_limits("moving-window", given.redis),
        "limits-sliding-window-counter": lambda: check_with_limits("sliding-window-counter", given.redis),
        "pyrate-limiter": lambda: check_with_pyrate(given.redis, is_gcra=False),
        "pyrate-limiter-gcra": lambda: check_with_pyrate(given.redis, is_gcra=True),
        "tollgate": lambda: check_with_tollgate(given.tollgate, is_pipelined=False),
        "tollgate-pipelined": lambda: check_with_tollgate(given.tollgate, is_pipelined=True),
    }
    if given.contender not in makers:
        parser.error(f"{given.contender}: expected one of {', '.join(makers)}")
    batch = PIPELINE if given.contender == "tollgate-pipelined" else 1
    print(json.dumps(measure(makers[given.contender](), batch, given.users, given.seconds)))


if __name__ == "__main__":
    main()
