"""What a Python program gets: limiters from PyPI over Redis, and the sidecar through redis-py, in the same process."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .children import BenchmarkError, Children
from .spread import Spread
from .stage import Settings, Stage

PROGRAM = Path(__file__).parent.parent / "peers.py"
PACKAGES = ["limits", "redis", "pyrate-limiter"]
CONTENDERS = [
    "limits-moving-window", "limits-sliding-window-counter", "pyrate-limiter", "pyrate-limiter-gcra",
    "tollgate", "tollgate-pipelined",
]  # fmt: skip
YARDSTICK = "tollgate"
USERS = 100
INSTALL_SECONDS = 300


@dataclass(frozen=True)
class PeerResult:
    name: str
    checks_per_second: Spread
    p50: Spread
    """Milliseconds that the program waits for an answer; of the pipelined one, for 16."""
    ratio: Spread
    """Of the sidecar, asked one at a time, over this."""

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "checks_per_second": self.checks_per_second.as_json(),
            "p50_ms": self.p50.as_json(),
            "tollgate_over_this": self.ratio.as_json(),
        }


def prepare_peers(children: Children, repository: Path) -> Path | str:
    """The Python of an environment that has the peers; a sentence where it cannot be made."""
    folder = repository / ".build" / "benchmark-peers"
    python = folder / "bin" / "python"
    try:
        if not has_peers(children, python):
            children.run([sys.executable, "-m", "venv", "--clear", folder], timeout=120)
            children.run(
                [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES], INSTALL_SECONDS
            )
    except BenchmarkError as error:
        return f"the peers were not measured: {error}"
    return python


def has_peers(children: Children, python: Path) -> bool:
    if not python.exists():
        return False
    try:
        children.run([python, "-c", "import limits, pyrate_limiter, redis"], timeout=30)
    except BenchmarkError:
        return False
    return True


def describe_peers(children: Children, python: Path) -> dict[str, str]:
    code = f"import importlib.metadata as m; print(*[m.version(name) for name in {PACKAGES!r}])"
    names = ["redis-py" if name == "redis" else name for name in PACKAGES]
    return dict(zip(names, children.run([python, "-c", code], timeout=30).split(), strict=True))


def measure_peers(settings: Settings, python: Path) -> list[PeerResult]:
    rates: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    middles: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with Stage(settings) as stage:
        for number in range(settings.rounds):
            for name in CONTENDERS:
                # Some of them keep every request; each begins with nothing.
                stage.redis.ask("FLUSHALL")
                stage.redis.settle()
                report = run_contender(settings, stage, python, name)
                rates[name].append(report["checks_per_second"])
                middles[name].append(report["p50_ms"])
                print(f"{name} {number + 1}: {rates[name][-1]:,.0f} checks/s", file=sys.stderr)
    return [
        PeerResult(
            name,
            Spread(rates[name]),
            Spread(middles[name]),
            Spread([ours / theirs for ours, theirs in zip(rates[YARDSTICK], rates[name], strict=True)]),
        )
        for name in CONTENDERS
    ]


def run_contender(settings: Settings, stage: Stage, python: Path, name: str) -> dict[str, float]:
    arguments = [
        python, PROGRAM, name, "--users", USERS, "--seconds", settings.seconds,
        "--redis", stage.redis.port, "--tollgate", stage.sidecar.port,
    ]  # fmt: skip
    report: dict[str, float] = json.loads(settings.children.run(arguments, settings.seconds + 60))
    return report
