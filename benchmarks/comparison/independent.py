"""What a client that is not ours sees: redis-benchmark against the sidecar, and against Redis with the same script."""

from __future__ import annotations

import csv
import hashlib
import io
import sys
from dataclasses import dataclass, field
from typing import Any

from .children import BenchmarkError
from .generator import Generator, Load
from .recording_proxy import RecordingProxy
from .spread import Spread
from .stage import DIRECT_NAMESPACE, Settings, Stage

PLACEHOLDER = "__rand_int__"
"""redis-benchmark puts a random number of 12 digits in its place."""
ARGUMENT_KEY = "direct-argument"
FIRST_REQUESTS = 20_000
FEWEST_REQUESTS = 1_000
SLOWEST = 500
"""Requests a second below which a run is given up."""


@dataclass(frozen=True)
class Shape:
    name: str
    users: int
    connections: int
    pipeline: int


SHAPES = [
    Shape("100 000 users, 64 × 16", 100_000, 64, 16),
    Shape("100 users, 64 × 16", 100, 64, 16),
    Shape("1000 users, 1 × 1", 1_000, 1, 1),
]


@dataclass
class IndependentResult:
    shape: Shape
    sidecar: list[float] = field(default_factory=list)
    """Requests a second, a round each."""
    direct: list[float] = field(default_factory=list)
    sidecar_p50: list[float] = field(default_factory=list)
    direct_p50: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> Spread:
        return Spread([a / b for a, b in zip(self.sidecar, self.direct, strict=True)])

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self), shape=vars(self.shape), ratio=self.ratio.as_json())


@dataclass(frozen=True)
class Command:
    """What redis-benchmark is to send, and where."""

    port: int
    words: list[str]


def measure_independent(settings: Settings) -> list[IndependentResult]:
    return [measure_shape(settings, shape) for shape in SHAPES]


def measure_shape(settings: Settings, shape: Shape) -> IndependentResult:
    result = IndependentResult(shape)
    with Stage(settings) as stage:
        sidecar = Command(stage.sidecar.port, ["CHECK", f"user={PLACEHOLDER}", "tool=search", "provider=openai"])
        direct = capture_direct(stage)
        prefill(stage, shape, sidecar)
        speeds = [calibrate(stage, shape, command) for command in (sidecar, direct)]
        for number in range(settings.rounds):
            for command, speed, rates, middles in (
                (sidecar, speeds[0], result.sidecar, result.sidecar_p50),
                (direct, speeds[1], result.direct, result.direct_p50),
            ):
                rate, p50 = run(stage, shape, command, max(int(speed * settings.seconds), FEWEST_REQUESTS))
                rates.append(rate)
                middles.append(p50)
            words = f"{result.sidecar[-1]:,.0f}/s; direct {result.direct[-1]:,.0f}/s"
            print(f"redis-benchmark, {shape.name}, {number + 1}: sidecar {words}", file=sys.stderr)
    return result


def prefill(stage: Stage, shape: Shape, sidecar: Command) -> None:
    """Makes the users' keys on both sides."""
    requests = max(6 * shape.users, FIRST_REQUESTS)
    wide = Shape(shape.name, shape.users, 64, 16)
    run(stage, wide, sidecar, requests)
    other = stage.start_sidecar(DIRECT_NAMESPACE)
    run(stage, wide, Command(other.port, sidecar.words), requests)
    other.stop()


def capture_direct(stage: Stage) -> Command:
    """One CHECK as `tollgate bench --direct` sends it, with the user's name left open.

    The script's argument is binary, and redis-benchmark ends a word at a zero byte. So the argument lies in Redis, and
    the script has one line in front that gets it from there: about as dear as sending it. It names no user, and the
    ends of this day and month: good for as long as a benchmark takes.
    """
    calls, scripts = record_check(stage)
    _, digest, number, *keys, argument = calls[-1]
    script = next((script for script in scripts if hashlib.sha1(script).hexdigest() == digest.decode()), None)
    if not script:
        raise BenchmarkError("tollgate bench --direct called a script that it had not loaded")
    user = f"{DIRECT_NAMESPACE}:{{user:".encode()
    keys = [user + PLACEHOLDER.encode() + b"}" if key.startswith(user) else key for key in keys]
    stage.redis.ask("SET", ARGUMENT_KEY, argument)
    loaded = stage.redis.ask("SCRIPT", "LOAD", b"ARGV[1] = redis.call('GET', ARGV[1])\n" + script)
    words = [b"EVALSHA", loaded, number, *keys, ARGUMENT_KEY.encode()]
    return Command(stage.redis.port, [word.decode() for word in words])


def record_check(stage: Stage) -> tuple[list[list[bytes]], list[bytes]]:
    """The script calls of a `tollgate bench --direct` that sends one request, and the scripts that it has loaded."""
    generator = Generator(stage)
    with RecordingProxy(stage.redis.port) as proxy:
        target = generator.direct_target(f"redis://127.0.0.1:{proxy.port}")
        load = Load(users=1, connections=1, pipeline=1).options()
        stage.settings.children.run(
            [stage.settings.tollgate, "bench", *target, *load, "--count", 1, "--warmup", "0s"], timeout=60
        )
        commands = proxy.commands()
    calls = [command for command in commands if command[0].upper() == b"EVALSHA"]
    scripts = [command[2] for command in commands if [word.upper() for word in command[:2]] == [b"SCRIPT", b"LOAD"]]
    if not calls or not scripts:
        raise BenchmarkError("tollgate bench --direct sent no script, or no call of one")
    return calls, scripts


def calibrate(stage: Stage, shape: Shape, command: Command) -> float:
    """About how many requests a second there will be."""
    requests = FIRST_REQUESTS if shape.connections > 1 else FIRST_REQUESTS // 10
    return run(stage, shape, command, requests)[0]


def run(stage: Stage, shape: Shape, command: Command, requests: int) -> tuple[float, float]:
    """Requests a second and the median latency in ms; throws where not all were answered as they should be."""
    stage.redis.settle()
    arguments: list[object] = [
        "redis-benchmark", "-h", "127.0.0.1", "-p", command.port, "-c", shape.connections, "-P", shape.pipeline,
        "-n", requests, "-r", shape.users, "--csv",
    ]  # fmt: skip
    refused = count_refusals(stage)
    output = stage.settings.children.run([*arguments, *command.words], 60 + requests / SLOWEST)
    if count_refusals(stage) != refused:
        raise BenchmarkError("redis-benchmark got other answers than ALLOW")
    # Lines of other kinds, such as a warning, come before.
    lines = output[output.index('"test"') :]
    row = next(csv.DictReader(io.StringIO(lines)))
    return float(row["rps"]), float(row["p50_latency_ms"])


def count_refusals(stage: Stage) -> int:
    counts = stage.sidecar.counts()
    errors = int(stage.redis.info("stats")["total_error_replies"])
    # Not the sidecar's errors: redis-benchmark begins by asking for settings of Redis that it does not have.
    return errors + counts["denied"] + counts["degraded"]
