"""The requests of `load.py` in RESP, as each side takes them: a sidecar, or Redis with the scripts of handwritten/."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SCRIPTS = Path(__file__).parent / "handwritten"
CHECKS = {"handwritten": "check", "plain": "plain"}
"""The script of a CHECK, by the side that runs it."""
NANOS_PER_TOKEN = 2_500
"""As in `tollgate bench`: 2.50 for a million tokens."""
TTL_SECONDS = 60
NANOSECONDS = 1_000_000_000


class Connection(Protocol):
    """A connection that loads scripts."""

    def ask(self, *words: object) -> str: ...


def encode(*words: object) -> bytes:
    parts = [str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)


@dataclass(frozen=True)
class Call:
    """A user calls a tool of a provider."""

    user: int
    tool: int
    provider: int
    tokens: int

    @property
    def nanos(self) -> int:
        return self.tokens * NANOS_PER_TOKEN


class SidecarSpeech:
    def __init__(self, _: Connection) -> None:
        pass

    def check(self, call: Call) -> bytes:
        return encode("CHECK", *self._scopes(call))

    def record(self, call: Call) -> bytes:
        return encode("RECORD", *self._scopes(call), f"tokens={call.tokens}", self._cost(call))

    def reserve(self, call: Call) -> bytes:
        return encode("RESERVE", *self._scopes(call), f"tokens={call.tokens}", self._cost(call), f"ttl={TTL_SECONDS}")

    def commit(self, call: Call) -> tuple[int, bytes]:
        """How many words a COMMIT has, and those before the token's value."""
        return 4, encode(f"tokens={call.tokens}", self._cost(call)).split(b"\r\n", 1)[1]

    commit_front = encode("COMMIT").split(b"\r\n", 1)[1]
    token_prefix = b"reservation="

    @staticmethod
    def find_token(reply: bytes) -> bytes:
        return reply.rpartition(b" reservation=")[2]

    @staticmethod
    def _scopes(call: Call) -> list[str]:
        return [f"user=u{call.user}", f"tool=t{call.tool}", f"provider=p{call.provider}"]

    @staticmethod
    def _cost(call: Call) -> str:
        return f"cost={call.nanos // NANOSECONDS}.{call.nanos % NANOSECONDS:09d}"


class HandwrittenSpeech:
    """The keys begin with the side's name, `handwritten` or `plain`, so that they are none of the other sides'."""

    def __init__(self, side: str, connection: Connection) -> None:
        self._side = side
        names = {"check": CHECKS[side], "record": "record", "reserve": "reserve", "commit": "commit"}
        texts = {work: (SCRIPTS / f"{name}.lua").read_text() for work, name in names.items()}
        self._digests = {name: connection.ask("SCRIPT", "LOAD", text) for name, text in texts.items()}
        self._day = time.strftime("%Y-%m-%d", time.gmtime())
        self.commit_front = encode("EVALSHA", self._digests["commit"], 5).split(b"\r\n", 1)[1]

    def check(self, call: Call) -> bytes:
        return encode("EVALSHA", self._digests["check"], 3, *self._scopes(call))

    def record(self, call: Call) -> bytes:
        return encode("EVALSHA", self._digests["record"], 3, *self._days(call), call.tokens, call.nanos)

    def reserve(self, call: Call) -> bytes:
        keys = [*self._scopes(call), self._days(call)[0], self._holds(call)]
        return encode("EVALSHA", self._digests["reserve"], 5, *keys, call.nanos, TTL_SECONDS * 1_000)

    def commit(self, call: Call) -> tuple[int, bytes]:
        keys = [*self._days(call), self._scopes(call)[0], self._holds(call)]
        return 11, encode(*keys, call.tokens, call.nanos).split(b"\r\n", 1)[1]

    token_prefix = b""

    @staticmethod
    def find_token(reply: bytes) -> bytes:
        return reply.rpartition(b" ")[2]

    def _scopes(self, call: Call) -> list[str]:
        scopes = (f"user:u{call.user}", f"tool:t{call.tool}", f"provider:p{call.provider}")
        return [f"{self._side}:{scope}" for scope in scopes]

    def _days(self, call: Call) -> list[str]:
        return [f"{scope}:{self._day}" for scope in self._scopes(call)]

    def _holds(self, call: Call) -> str:
        return f"{self._scopes(call)[0]}:holds"


Speech = SidecarSpeech | HandwrittenSpeech
