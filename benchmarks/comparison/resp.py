"""As much of a Redis client as the driver needs: one command at a time, RESP2."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from .children import BenchmarkError

Reply = Any
"""None, int, bytes, or a list of these."""


def encode_command(words: tuple[object, ...]) -> bytes:
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


class RespClient:
    """A connection to Redis, or to anything that speaks like it."""

    def __init__(self, address: Path | int, timeout: float = 30.0) -> None:
        """`address` is a Unix socket, or a port on 127.0.0.1; `timeout` bounds every reply."""
        if isinstance(address, int):
            self._socket = socket.create_connection(("127.0.0.1", address), timeout)
        else:
            self._socket = socket.socket(socket.AF_UNIX)
            self._socket.settimeout(timeout)
            self._socket.connect(str(address))
        self._replies = self._socket.makefile("rb")

    def __enter__(self) -> RespClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._replies.close()
        self._socket.close()

    def ask(self, *words: object) -> Reply:
        self._socket.sendall(encode_command(words))
        return self._read()

    def text(self, *words: object) -> str:
        reply = self.ask(*words)
        return reply.decode() if isinstance(reply, bytes) else str(reply)

    def _read(self) -> Reply:
        line = self._replies.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the connection was closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._replies.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self._read() for _ in range(int(rest))]
        raise BenchmarkError(f"the server answered: {rest.decode(errors='replace')}")
