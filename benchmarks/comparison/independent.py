"""What a client that is not ours sees: redis-benchmark against the sidecar, and against Redis with a script.

It draws users alone; the tool and the provider are always the same, so that a batch has two scopes besides its users
instead of two dozen. `load.py` draws all three.
"""

from __future__ import annotations

import csv
import io
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .children import BenchmarkError
from .generator import Generator, Load
from .pairs import DIRECT, HANDWRITTEN
from .recording_proxy import RecordingProxy
from .spread import Spread
from .stage import DIRECT_NAMESPACE, Settings, Stage

SIDECAR = "sidecar"
CHECK = Path(__file__).parent.parent / "handwritten" / "check.lua"
PLACEHOLDER = "__rand_int__"
"""redis-benchmark puts a random number of 12 digits in its place."""
ARGUMENT_KEY = "direct-argument"
LIBRARY = b"direct"
CALLBACK = b"local function callback(keys, arguments)\n"
"""What a library has before each call (lua/LuaModules.swift)."""
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
    Shape("1000 users, 64 × 1", 1_000, 64, 1),
]


@dataclass
class Side:
    """A round each."""

    rates: list[float] = field(default_factory=list)
    """Requests a second."""
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


@dataclass
class IndependentResult:
    shape: Shape
    sides: dict[str, Side] = field(default_factory=dict)

    def ratio(self, opponent: str) -> Spread:
        return divide(self.sides[SIDECAR].rates, self.sides[opponent].rates)

    def p50_ratio(self, opponent: str) -> Spread:
        return divide(self.sides[SIDECAR].p50, self.sides[opponent].p50)

    def p99_ratio(self, opponent: str) -> Spread:
        return divide(self.sides[SIDECAR].p99, self.sides[opponent].p99)

    def as_json(self) -> dict[str, Any]:
        opponents = [name for name in self.sides if name != SIDECAR]
        return {
            "shape": vars(self.shape),
            "sides": {name: vars(side) for name, side in self.sides.items()},
            "ratio": {name: self.ratio(name).as_json() for name in opponents},
            "p50_ratio": {name: self.p50_ratio(name).as_json() for name in opponents},
            "p99_ratio": {name: self.p99_ratio(name).as_json() for name in opponents},
        }


def divide(ours: list[float], theirs: list[float]) -> Spread:
    return Spread([a / max(b, 1e-9) for a, b in zip(ours, theirs, strict=True)])


@dataclass(frozen=True)
class Command:
    """What redis-benchmark is to send, and where."""

    port: int
    words: list[str]


def measure_independent(settings: Settings, opponents: list[str]) -> list[IndependentResult]:
    return [measure_shape(settings, shape, opponents) for shape in SHAPES]


def measure_shape(settings: Settings, shape: Shape, opponents: list[str]) -> IndependentResult:
    result = IndependentResult(shape)
    with Stage(settings) as stage:
        sidecar = Command(stage.sidecar.port, ["CHECK", f"user={PLACEHOLDER}", "tool=search", "provider=openai"])
        commands = {SIDECAR: sidecar}
        if HANDWRITTEN in opponents:
            commands[HANDWRITTEN] = load_handwritten(stage)
        if DIRECT in opponents:
            commands[DIRECT] = capture_direct(stage)
        prefill(stage, shape, commands)
        speeds = {name: calibrate(stage, shape, command) for name, command in commands.items()}
        result.sides = {name: Side() for name in commands}
        for number in range(settings.rounds):
            for name, command in commands.items():
                requests = max(int(speeds[name] * settings.seconds), FEWEST_REQUESTS)
                rate, p50, p99 = run(stage, shape, command, requests)
                side = result.sides[name]
                side.rates.append(rate)
                side.p50.append(p50)
                side.p99.append(p99)
            words = "; ".join(f"{name} {side.rates[-1]:,.0f}/s" for name, side in result.sides.items())
            print(f"redis-benchmark, {shape.name}, {number + 1}: {words}", file=sys.stderr)
    return result


def prefill(stage: Stage, shape: Shape, commands: dict[str, Command]) -> None:
    """Makes the users' keys on all sides.

    Not checked: a sidecar that has just started may ask Redis for what is there already, and get an error for it.
    """
    requests = max(6 * shape.users, FIRST_REQUESTS)
    wide = Shape(shape.name, shape.users, 64, 16)
    for name in (SIDECAR, HANDWRITTEN):
        if name in commands:
            send(stage, wide, commands[name], requests)
    if DIRECT in commands:
        other = stage.start_sidecar(DIRECT_NAMESPACE)
        send(stage, wide, Command(other.port, commands[SIDECAR].words), requests)
        other.stop()


def load_handwritten(stage: Stage) -> Command:
    """handwritten/check.lua, on the keys of a random user."""
    digest = stage.redis.text("SCRIPT", "LOAD", CHECK.read_text())
    scopes = [f"user:{PLACEHOLDER}", "tool:search", "provider:openai"]
    return Command(stage.redis.port, ["EVALSHA", digest, "3", *(f"{HANDWRITTEN}:{scope}" for scope in scopes)])


def capture_direct(stage: Stage) -> Command:
    """One CHECK as `tollgate bench --direct` sends it, with the user's name left open.

    The function's argument is binary, and redis-benchmark ends a word at a zero byte. So the argument lies in Redis, and
    a copy of the library has one line more that gets it from there: about as dear as sending it. It names no user, and
    the ends of this day and month: good for as long as a benchmark takes.
    """
    calls, libraries = record_check(stage)
    _, function, number, *keys, argument = calls[-1]
    name = libraries[0].split(b"\n", 1)[0].removeprefix(b"#!lua name=")
    if not function.startswith(name) or CALLBACK not in libraries[0]:
        raise BenchmarkError("tollgate bench --direct called a function that it had not loaded")
    user = f"{DIRECT_NAMESPACE}:user:".encode()
    keys = [user + PLACEHOLDER.encode() if key.startswith(user) else key for key in keys]
    stage.redis.ask("SET", ARGUMENT_KEY, argument)
    reading = CALLBACK + b"arguments[1] = redis.call('GET', arguments[1])\n"
    stage.redis.ask("FUNCTION", "LOAD", "REPLACE", libraries[0].replace(CALLBACK, reading).replace(name, LIBRARY))
    words = [b"FCALL", function.replace(name, LIBRARY), number, *keys, ARGUMENT_KEY.encode()]
    return Command(stage.redis.port, [word.decode() for word in words])


def record_check(stage: Stage) -> tuple[list[list[bytes]], list[bytes]]:
    """The calls of a `tollgate bench --direct` that sends one request, and the libraries that it has loaded."""
    generator = Generator(stage)
    with RecordingProxy(stage.redis.port) as proxy:
        target = generator.direct_target(f"redis://127.0.0.1:{proxy.port}")
        load = Load(users=1, connections=1, pipeline=1).options()
        stage.settings.children.run(
            [stage.settings.tollgate, "bench", *target, *load, "--count", 1, "--warmup", "0s"], timeout=60
        )
        commands = proxy.commands()
    calls = [command for command in commands if command[0].upper() == b"FCALL"]
    libraries = [command[2] for command in commands if [word.upper() for word in command[:2]] == [b"FUNCTION", b"LOAD"]]
    if not calls or not libraries:
        raise BenchmarkError("tollgate bench --direct sent no library of functions, or no call of one")
    return calls, libraries


def calibrate(stage: Stage, shape: Shape, command: Command) -> float:
    """About how many requests a second there will be."""
    requests = FIRST_REQUESTS if shape.connections > 1 else FIRST_REQUESTS // 10
    return run(stage, shape, command, requests)[0]


def run(stage: Stage, shape: Shape, command: Command, requests: int) -> tuple[float, float, float]:
    """Requests a second, p50 and p99 in ms; throws where not all were answered as they should be."""
    before = count_refusals(stage)
    measured = send(stage, shape, command, requests)
    after = count_refusals(stage)
    more = {name: count - before[name] for name, count in after.items() if count != before[name]}
    if more:
        raise BenchmarkError(f"redis-benchmark got other answers than ALLOW: {more}")
    return measured


def send(stage: Stage, shape: Shape, command: Command, requests: int) -> tuple[float, float, float]:
    """The same, whatever the answers are."""
    stage.redis.settle()
    arguments: list[object] = [
        "redis-benchmark", "-h", "127.0.0.1", "-p", command.port, "-c", shape.connections, "-P", shape.pipeline,
        "-n", requests, "-r", shape.users, "--csv",
    ]  # fmt: skip
    output = stage.settings.children.run([*arguments, *command.words], 60 + requests / SLOWEST)
    # Lines of other kinds, such as a warning, come before.
    lines = output[output.index('"test"') :]
    row = next(csv.DictReader(io.StringIO(lines)))
    return float(row["rps"]), float(row["p50_latency_ms"]), float(row["p99_latency_ms"])


def count_refusals(stage: Stage) -> dict[str, int]:
    counts = stage.sidecar.counts()
    errors = int(stage.redis.info("stats")["total_error_replies"])
    # Not the sidecar's errors: redis-benchmark begins by asking for settings of Redis that it does not have.
    return {"errors of Redis": errors, "denied": counts["denied"], "degraded": counts["degraded"]}
