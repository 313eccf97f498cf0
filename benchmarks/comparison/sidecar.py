"""A running `tollgate serve`, and what the system and its own STATUS say of it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from .children import BenchmarkError, Children, last_line, wait_until
from .redis_server import RedisServer
from .resp import RespClient

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
LISTENING = re.compile(r"listen=127\.0\.0\.1:(\d+)\s")
USER_TIME, SYSTEM_TIME = 11, 12
"""Places in /proc/PID/stat, counted from what follows the name of the program."""


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads since the start, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[USER_TIME]) + int(fields[SYSTEM_TIME])) / TICKS_PER_SECOND


def resident_megabytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


class Sidecar:
    """Listens on a port that the system chose; ready when this has returned."""

    def __init__(
        self,
        children: Children,
        tollgate: Path,
        redis: RedisServer,
        policy: Path,
        namespace: str,
        environment: Mapping[str, str] | None = None,
        admin: str = "off",
    ) -> None:
        self._children = children
        self._log = policy.parent / f"{namespace}.log"
        self.data = policy.parent / f"{namespace}-data"
        arguments = [
            tollgate, "serve", "--admin", admin, "--policy", policy, "--namespace", namespace,
            "--redis", redis.url, "--listen", "127.0.0.1:0", "--data", self.data,
        ]  # fmt: skip
        self._process = children.start(arguments, self._log, environment)
        self.port = 0
        wait_until(self._is_listening, "the start of tollgate serve")
        self._client = RespClient(self.port)
        wait_until(self._is_connected, "the connection of tollgate serve to Redis")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._client.close()
        self._children.stop(self._process)

    def counts(self) -> dict[str, int]:
        """The counts of STATUS."""
        counts: dict[str, int] = json.loads(self._client.text("STATUS"))["counts"]
        return counts

    def answered(self) -> int:
        """Requests that Redis has decided or applied since the start."""
        counts = self.counts()
        return counts["allowed"] + counts["denied"] + counts["applied"]

    def ask(self, *words: object) -> str:
        return self._client.text(*words)

    def journal(self) -> dict[str, int]:
        """STATUS on the journal: `operations` wait for Redis."""
        journal: dict[str, int] = json.loads(self._client.text("STATUS"))["journal"]
        return journal

    def _is_listening(self) -> bool:
        log = self._log.read_text(errors="replace")
        if self._process.poll() is not None:
            raise BenchmarkError(f"tollgate serve ended at once: {last_line(log)}")
        found = LISTENING.search(log)
        if found:
            self.port = int(found[1])
        return found is not None

    def _is_connected(self) -> bool:
        links = json.loads(self._client.text("STATUS"))["redis"]["links"]
        return bool(links) and all(link == "ready" for link in links)
