"""Where a measurement takes place: a fresh Redis, and a sidecar on it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from .children import Children
from .redis_server import RedisServer
from .sidecar import Sidecar

TOOLS = 20
PROVIDERS = 4

SIDECAR_NAMESPACE = "sidecar"
DIRECT_NAMESPACE = "direct"
"""The two sides share one Redis and no key."""

POLICY = """\
# Six limits a check, none of which is ever reached.
history: [user, tool, provider]
defaults:
  user: { requests: { 1m: 1000000, 1h: 10000000, 24h: 100000000 } }
  tool: { requests: { 1m: 100000000, 1h: 1000000000 } }
  provider: { requests: { 1m: 1000000000 } }
"""

BUDGET_POLICY = POLICY.replace("100000000 } }\n  tool", "100000000 }, cost: { day: 1000000 } }\n  tool")
"""The same limits and a budget, for reservations: without one there is nothing that they could hold."""


@dataclass(frozen=True)
class Settings:
    """What all measurements are given."""

    children: Children
    tollgate: Path
    rounds: int
    seconds: float


class Stage:
    """`with Stage(settings)` has a Redis and a sidecar of its own, both gone at the end."""

    def __init__(
        self, settings: Settings, sidecar_environment: Mapping[str, str] | None = None, policy: str = POLICY
    ) -> None:
        self.settings = settings
        self._policy_text = policy
        self._sidecar_environment = sidecar_environment

    def __enter__(self) -> Stage:
        with ExitStack() as resources:
            self.folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="tollgate-bench-")))
            self.policy = self.folder / "policy.yaml"
            self.policy.write_text(self._policy_text)
            self.redis = RedisServer(self.settings.children, self.folder)
            resources.callback(self.redis.stop)
            self.sidecar = self.start_sidecar(SIDECAR_NAMESPACE, self._sidecar_environment)
            resources.callback(self.sidecar.stop)
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._resources.close()

    def start_sidecar(self, namespace: str, environment: Mapping[str, str] | None = None) -> Sidecar:
        """One more sidecar on the stage's Redis; whoever starts it stops it."""
        return Sidecar(self.settings.children, self.settings.tollgate, self.redis, self.policy, namespace, environment)
