"""A redis-server in a temporary folder, set up as the one that Tollgate starts for itself."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from .children import BenchmarkError, Children, last_line, wait_until
from .resp import Reply, RespClient

ATTEMPTS = 5
"""A port that was free when it was chosen may be gone when redis-server takes it."""

SCRIPT_COMMANDS = ["eval", "evalsha", "evalsha_ro", "fcall", "fcall_ro"]


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class RedisServer:
    """Append-only, written to disk every second. Sidecar and direct clients come over TCP, the driver over a socket."""

    def __init__(self, children: Children, folder: Path) -> None:
        self._children = children
        self._folder = folder
        self.port = 0
        for _ in range(ATTEMPTS):
            if self._start():
                return
        raise BenchmarkError("redis-server found no free port")

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def stop(self) -> None:
        self._client.close()
        # SIGTERM would have it write out everything once more.
        self._process.kill()
        self._children.stop(self._process)

    def ask(self, *words: object) -> Reply:
        return self._client.ask(*words)

    def text(self, *words: object) -> str:
        return self._client.text(*words)

    def info(self, section: str) -> dict[str, str]:
        lines = self._client.text("INFO", section).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def script_costs(self) -> tuple[int, float]:
        """How many scripts and functions it has run, and for how many µs."""
        calls, microseconds = 0, 0.0
        commands = self.info("commandstats")
        for name in SCRIPT_COMMANDS:
            fields = dict(field.split("=") for field in commands.get(f"cmdstat_{name}", "calls=0,usec=0").split(","))
            calls, microseconds = calls + int(fields["calls"]), microseconds + float(fields["usec"])
        return calls, microseconds

    def settle(self) -> None:
        """Waits until the append-only file is not being rewritten, so that a run starts in quiet."""
        wait_until(lambda: not self._is_rewriting(), "the end of the rewriting of the append-only file", 120)

    def _is_rewriting(self) -> bool:
        state = self.info("persistence")
        return state["aof_rewrite_in_progress"] != "0" or state["aof_rewrite_scheduled"] != "0"

    def _start(self) -> bool:
        self.port = find_free_port()
        path, log = self._folder / "redis.sock", self._folder / "redis.log"
        # EmbeddedRedis.arguments, and a TCP port.
        arguments = [
            "redis-server", "--bind", "127.0.0.1", "--port", self.port, "--unixsocket", path, "--unixsocketperm", "600",
            "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
            "--dir", self._folder, "--daemonize", "no", "--maxmemory-policy", "noeviction",
            "--hash-max-listpack-value", "512", "--auto-aof-rewrite-min-size", "256mb",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] = self._children.start(arguments, log)
        wait_until(lambda: self._process.poll() is not None or self._answers(path), "the start of redis-server")
        if self._process.poll() is None:
            return True
        words = log.read_text(errors="replace")
        if "in use" in words:
            return False
        raise BenchmarkError(f"redis-server ended at once: {last_line(words)}")

    def _answers(self, path: Path) -> bool:
        try:
            self._client = RespClient(path, timeout=120)
            return bool(self._client.ask("PING") == b"PONG")
        except OSError:
            return False
