"""Load: runs of a generator against one side, and what they cost the processes that answered.

Sidecar and direct are asked by `tollgate bench`, which cannot call a script that is not Tollgate's. Where handwritten
or plain is one of the sides, both sides are asked by `load.py`.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from .sidecar import Sidecar, cpu_seconds
from .stage import DIRECT_NAMESPACE, PROVIDERS, TOOLS, Stage

PROGRAM = Path(__file__).parent.parent / "load.py"
WARMUP = 1.0
SPARE_SECONDS = 60.0
"""How much longer than it should a generator may take before it is stopped."""

SOME_FAILED = 1
"""The status that `tollgate bench` ends with where it has a report, but not every request was answered."""

SLOWEST_PREFILL = 2_000
"""Requests a second below which prefilling is given up."""


@dataclass(frozen=True)
class Load:
    """What is sent; see `tollgate bench --help`. `rate` is requests a second, None: as fast as answers come.

    `mix` may be `reserve=100` too: each RESERVE is followed by its COMMIT. Only `load.py` sends that.
    """

    users: int
    connections: int = 64
    pipeline: int = 16
    mix: str = "check=100"
    rate: int | None = None

    def options(self) -> list[object]:
        options: list[object] = [
            "--connections", self.connections, "--pipeline", self.pipeline,
            "--users", self.users, "--tools", TOOLS, "--providers", PROVIDERS, "--mix", self.mix, "--json",
        ]  # fmt: skip
        return options if self.rate is None else [*options, "--rate", self.rate]

    @property
    def work(self) -> str:
        """The one verb of the mix, for `load.py`."""
        return self.mix.partition("=")[0]

    def plain_options(self) -> list[object]:
        """The same for `load.py`."""
        return [
            "--connections", self.connections, "--pipeline", self.pipeline,
            "--users", self.users, "--tools", TOOLS, "--providers", PROVIDERS,
        ]  # fmt: skip


@dataclass(frozen=True)
class Run:
    """One run of the generator. The costs are averages over all requests, those of the warm-up too."""

    requests_per_second: float
    p50: float
    p99: float
    faults: int
    """Replies that are not what the load asks for: DENY, degraded, ERR, and requests without a reply."""
    sidecar_cpu_us: float
    redis_cpu_us: float
    script_us: float
    """Redis's own measure of the time in script calls, from INFO commandstats: without reading and writing sockets."""
    generator_cpu_us: float
    batch: float
    """Requests in one script call."""
    forks: int
    """How often Redis began to rewrite its append-only file."""
    report: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def count_faults(report: dict[str, Any]) -> int:
    replies = report["replies"]
    return sum(int(replies[name]) for name in ("deny", "degraded", "error"))


class Generator:
    """Runs loads on a stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._children = stage.settings.children
        self._bench = [stage.settings.tollgate, "bench"]

    def run_sidecar(self, load: Load) -> Run:
        return self._run(self._bench_run(load, ["--connect", self._stage.sidecar.address]), self._stage.sidecar)

    def run_direct(self, load: Load) -> Run:
        return self._run(self._bench_run(load, self.direct_target()), None)

    def run_sidecar_plainly(self, load: Load) -> Run:
        """The sidecar as `run_script` asks Redis: by the same program, in the same protocol."""
        return self._run(self._plain_run("sidecar", self._stage.sidecar.port, load), self._stage.sidecar)

    def run_script(self, side: str, load: Load) -> Run:
        """`side` is handwritten or plain."""
        return self._run(self._plain_run(side, self._stage.redis.port, load), None)

    def direct_target(self, url: str | None = None) -> list[object]:
        """Options that send the load to Redis itself, or to what stands before it."""
        policy = self._stage.policy
        return ["--direct", url or self._stage.redis.url, "--policy", policy, "--namespace", DIRECT_NAMESPACE]

    def launch(self, load: Load, sidecar: Sidecar, seconds: float) -> subprocess.Popen[bytes]:
        """Begins a run whose report nobody reads; `Children.finish` waits for its end."""
        timing = ["--duration", f"{round(seconds * 1000)}ms", "--warmup", "0s"]
        return self._children.launch([*self._bench, "--connect", sidecar.address, *load.options(), *timing])

    def prefill_direct(self, load: Load, count: int) -> None:
        """Makes the keys of (nearly) all users for direct, by way of a sidecar in its namespace."""
        other = self._stage.start_sidecar(DIRECT_NAMESPACE)
        self.fill(other, load, count)
        other.stop()

    def prefill_script(self, side: str, load: Load, count: int) -> None:
        """Makes the same keys for handwritten or plain."""
        self.fill_plainly(side, self._stage.redis.port, load, count)

    def fill_plainly(self, side: str, port: int, load: Load, count: int) -> dict[str, Any]:
        """Sends so many requests by `load.py`; gives its report."""
        load = replace(load, connections=64, pipeline=16)
        arguments = [*self._plain(side, port, load), "--count", count, "--warmup", 0]
        report: dict[str, Any] = json.loads(self._children.run(arguments, SPARE_SECONDS + count / SLOWEST_PREFILL))
        return report

    def fill(self, sidecar: Sidecar, load: Load, count: int) -> None:
        load = replace(load, connections=64, pipeline=16, rate=None)
        timing = ["--count", count, "--warmup", "0s"]
        arguments = [*self._bench, "--connect", sidecar.address, *load.options(), *timing]
        self._children.run(arguments, SPARE_SECONDS + count / SLOWEST_PREFILL)

    def _bench_run(self, load: Load, target: list[object]) -> list[object]:
        seconds = self._stage.settings.seconds
        timing = ["--duration", f"{round(seconds * 1000)}ms", "--warmup", f"{round(WARMUP * 1000)}ms"]
        return [*self._bench, *target, *load.options(), *timing]

    def _plain_run(self, side: str, port: int, load: Load) -> list[object]:
        return [*self._plain(side, port, load), "--duration", self._stage.settings.seconds, "--warmup", WARMUP]

    @staticmethod
    def _plain(side: str, port: int, load: Load) -> list[object]:
        return [sys.executable, PROGRAM, side, load.work, "--port", port, *load.plain_options()]

    def _run(self, arguments: list[object], sidecar: Sidecar | None) -> Run:
        """`sidecar` is the one that answers, None where Redis is asked directly."""
        redis, seconds = self._stage.redis, self._stage.settings.seconds
        redis.settle()
        before = self._measure(sidecar)
        output = self._children.run(arguments, seconds + WARMUP + SPARE_SECONDS, accepted=(0, SOME_FAILED))
        cost = {name: value - before[name] for name, value in self._measure(sidecar).items()}

        report = json.loads(output)
        handled = max(cost["handled"], 1)
        latency = report["latency_ms"]
        return Run(
            requests_per_second=report["requests_per_second"],
            p50=latency["p50"],
            p99=latency["p99"],
            faults=count_faults(report),
            sidecar_cpu_us=cost["sidecar"] / handled * 1e6,
            redis_cpu_us=cost["redis"] / handled * 1e6,
            script_us=cost["script"] / handled,
            # That of load.py leaves out what it does before it sends anything.
            generator_cpu_us=report.get("generator_cpu_us", cost["generator"] / handled * 1e6),
            batch=handled / max(cost["calls"], 1),
            forks=int(cost["forks"]),
            report=report,
        )

    def _measure(self, sidecar: Sidecar | None) -> dict[str, float]:
        """Readings of which a run is the difference."""
        redis = self._stage.redis
        calls, script = redis.script_costs()
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return {
            "calls": calls,
            "script": script,
            "handled": sidecar.answered() if sidecar else calls,
            "sidecar": cpu_seconds(sidecar.pid) if sidecar else 0,
            "redis": cpu_seconds(redis.pid),
            "generator": children.ru_utime + children.ru_stime,
            "forks": int(redis.info("stats")["total_forks"]),
        }
