"""A closed loop that speaks RESP, to a sidecar or to Redis with the scripts of handwritten/: the same client for both.

`benchmarks/compare` runs it as a process of its own and reads its report, which has the form of `tollgate bench
--json`. Requests are drawn and encoded before the run. While it runs, a connection that has got N replies sends the
next N with one call; so the program itself takes about as long a request as `tollgate bench` does, and equally long on
both sides.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import re
import select
import socket
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from load_speech import CHECKS, NANOSECONDS, Call, HandwrittenSpeech, SidecarSpeech, Speech, encode

MAX_TOKENS = 4_000
MIN_DRAWN = 50_000
DRAWN_PER_USER = 3
CHUNK = 1 << 18
PATIENCE = 5.0
"""The seconds that unanswered requests have at the end."""

BULK_HEADER = re.compile(rb"\$\d+\r\n")
GOOD = {"check": b"+ALLOW", "record": b"+OK"}


class Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 30)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.rest = b""
        """Of a reply whose end has not come."""
        self.at = 0
        """The next request, as an index of the drawn ones."""
        self.sent: deque[list[int]] = deque()
        """When what is unanswered was sent, and how many requests each time; the oldest first."""
        self.open: deque[tuple[int, bool]] = deque()
        """Reservations only: which request each unanswered one belongs to, and whether it is the COMMIT."""

    def ask(self, *words: object) -> str:
        """One command whose reply is a bulk string."""
        self.socket.sendall(encode(*words))
        reply = b""
        while reply.count(b"\n") < 2:
            chunk = self.socket.recv(CHUNK)
            if not chunk or (reply + chunk).startswith(b"-"):
                raise SystemExit(f"load.py: Redis answered {reply.decode(errors='replace').strip()}")
            reply += chunk
        return reply.split(b"\r\n")[1].decode()

    def receive(self) -> bytes:
        """Whole lines, as many as have come."""
        chunk = self.socket.recv(CHUNK)
        if not chunk:
            raise SystemExit("load.py: the connection was closed by the other side")
        # A decision is a bulk string: as a line it has a mark in place of its length.
        text = BULK_HEADER.sub(b"+", self.rest + chunk)
        end = text.rfind(b"\n") + 1
        self.rest = text[end:]
        return text[:end]


@dataclass
class Tally:
    measured_from: int
    latencies: list[tuple[int, int]] = field(default_factory=list)
    """Nanoseconds, and how many requests took them."""
    ok: int = 0
    deny: int = 0
    degraded: int = 0
    error: int = 0
    answered: int = 0
    last: int = 0
    errors: list[str] = field(default_factory=list)

    def add(self, connection: Connection, replies: int, now: int) -> None:
        sent = connection.sent
        while replies:
            group = sent[0]
            count = min(group[1], replies)
            if group[0] >= self.measured_from:
                self.latencies.append((now - group[0], count))
                self.answered += count
                self.last = now
            replies -= count
            group[1] -= count
            if not group[1]:
                sent.popleft()

    def judge(self, lines: bytes, replies: int, good: bytes) -> None:
        """Counts replies by what they say; almost always all are good."""
        degraded = lines.count(b"degraded=1")
        fine = lines.count(good) - degraded
        self.ok += fine
        self.degraded += degraded
        if fine + degraded < replies:
            bad = [line for line in lines.split(b"\r\n") if line and not line.startswith(good)]
            denied = sum(line.startswith(b"+DENY") for line in bad)
            self.deny += denied
            self.error += len(bad) - denied
            self.errors += [line.decode(errors="replace") for line in bad][: max(3 - len(self.errors), 0)]

    def percentile(self, part: float) -> float:
        """Milliseconds."""
        ordered = sorted(self.latencies)
        left = part * sum(count for _, count in ordered)
        for latency, count in ordered:
            left -= count
            if left <= 0:
                return latency / 1e6
        return 0.0


class Requests:
    """The requests of a run, encoded one behind the other."""

    def __init__(self, given: argparse.Namespace, speech: Speech) -> None:
        drawn = random.Random(given.seed)
        below: Callable[[int], int] = drawn.randrange
        self.size = max(given.users * DRAWN_PER_USER, MIN_DRAWN)
        write = getattr(speech, given.work)
        texts = []
        self.commits: list[bytes] = []
        words = 0
        for _ in range(self.size):
            call = Call(below(given.users), below(given.tools), below(given.providers), 1 + below(MAX_TOKENS))
            texts.append(write(call))
            if given.work == "reserve":
                words, commit = speech.commit(call)
                self.commits.append(commit)
        self.commit_front = b"*%d\r\n" % words + speech.commit_front
        self.ends = [0]
        for text in texts:
            self.ends.append(self.ends[-1] + len(text))
        self.bytes = memoryview(b"".join(texts))

    def take(self, connection: Connection, count: int) -> list[memoryview]:
        """The bytes of the connection's next requests."""
        pieces = []
        while count:
            here = min(count, self.size - connection.at)
            pieces.append(self.bytes[self.ends[connection.at] : self.ends[connection.at + here]])
            connection.at = (connection.at + here) % self.size
            count -= here
        return pieces


class Run:
    def __init__(self, given: argparse.Namespace) -> None:
        self._given = given
        first = Connection(given.port)
        is_sidecar = given.target == "sidecar"
        self._speech: Speech = SidecarSpeech(first) if is_sidecar else HandwrittenSpeech(given.target, first)
        self._requests = Requests(given, self._speech)
        self._connections = [first] + [Connection(given.port) for _ in range(given.connections - 1)]
        for number, connection in enumerate(self._connections):
            connection.at = self._requests.size * number // given.connections
        self._left = given.count or sys.maxsize
        self._cpu = 0.0

    def run(self) -> dict[str, Any]:
        gc.freeze()
        gc.disable()
        start = time.perf_counter_ns()
        measured_from = start + int(self._given.warmup * NANOSECONDS)
        end = measured_from + int(self._given.duration * NANOSECONDS) if not self._given.count else sys.maxsize
        tally = Tally(measured_from)
        cpu = time.process_time()
        if self._given.work == "reserve":
            self._run_many(tally, end, self._start_reservations, self._continue_reservations)
        elif self._given.connections == self._given.pipeline == 1:
            self._run_one(tally, end)
        else:
            self._run_many(tally, end, self._start_plain, self._continue_plain)
        cpu = time.process_time() - cpu
        unanswered = sum(group[1] for connection in self._connections for group in connection.sent)
        return self._report(tally, cpu, unanswered)

    def _run_one(self, tally: Tally, end: int) -> None:
        """One at a time waits for its reply in recv: nothing lies between the reply and the next request."""
        connection, good = self._connections[0], GOOD[self._given.work]
        peer, clock = connection.socket, time.perf_counter_ns
        now = clock()
        while now < end and self._left:
            (piece,) = self._requests.take(connection, 1)
            self._left -= 1
            before = clock()
            peer.sendall(piece)
            lines = connection.receive()
            while not lines:
                lines = connection.receive()
            now = clock()
            tally.judge(lines, 1, good)
            if before >= tally.measured_from:
                tally.latencies.append((now - before, 1))
                tally.answered += 1
                tally.last = now

    def _run_many(
        self,
        tally: Tally,
        end: int,
        begin: Callable[[Connection, int], None],
        go_on: Callable[[Connection, bytes, int, int, Tally, bool], None],
    ) -> None:
        poll = select.epoll()
        by_number = {connection.socket.fileno(): connection for connection in self._connections}
        for number in by_number:
            poll.register(number, select.EPOLLIN)
        for connection in self._connections:
            begin(connection, time.perf_counter_ns())
        clock, deadline = time.perf_counter_ns, end + int(PATIENCE * NANOSECONDS)
        while any_open(self._connections) and clock() < deadline:
            events = poll.poll(PATIENCE)
            if not events:
                break
            for number, _ in events:
                connection = by_number[number]
                lines = connection.receive()
                replies = lines.count(b"\n")
                if replies:
                    now = clock()
                    tally.add(connection, replies, now)
                    go_on(connection, lines, replies, now, tally, now < end)

    def _start_plain(self, connection: Connection, now: int) -> None:
        self._send_next(connection, self._given.pipeline, now)

    def _continue_plain(
        self, connection: Connection, lines: bytes, replies: int, now: int, tally: Tally, more: bool
    ) -> None:
        tally.judge(lines, replies, GOOD[self._given.work])
        if more:
            self._send_next(connection, replies, now)

    def _send_next(self, connection: Connection, count: int, now: int) -> None:
        count = min(count, self._left)
        self._left -= count
        if count:
            for piece in self._requests.take(connection, count):
                connection.socket.sendall(piece)
            connection.sent.append([now, count])

    def _start_reservations(self, connection: Connection, now: int) -> None:
        first = connection.at
        connection.open.extend(((first + i) % self._requests.size, False) for i in range(self._given.pipeline))
        self._send_next(connection, self._given.pipeline, now)

    def _continue_reservations(
        self, connection: Connection, lines: bytes, replies: int, now: int, tally: Tally, more: bool
    ) -> None:
        """Answers each ALLOW with its COMMIT, and each OK with the next RESERVE."""
        pieces: list[bytes | memoryview] = []
        requests, speech, opened, sent = self._requests, self._speech, connection.open, 0
        for line in lines.split(b"\r\n")[:-1]:
            index, is_commit = opened.popleft()
            good = b"+OK" if is_commit else b"+ALLOW"
            tally.judge(line, 1, good)
            if is_commit and line != b"+OK":
                # Also a duplicate or late one is not what was asked for.
                tally.ok -= line.startswith(good)
                tally.error += line.startswith(good)
            if not more or not self._left:
                continue
            self._left -= 1
            sent += 1
            if is_commit or not line.startswith(good):
                opened.append((connection.at, False))
                pieces += requests.take(connection, 1)
            else:
                token = speech.token_prefix + speech.find_token(line)
                opened.append((index, True))
                pieces += (requests.commit_front, requests.commits[index], b"$%d\r\n%s\r\n" % (len(token), token))
        if pieces:
            connection.socket.sendall(b"".join(pieces))
            connection.sent.append([now, sent])

    def _report(self, tally: Tally, cpu: float, unanswered: int) -> dict[str, Any]:
        seconds = max((tally.last - tally.measured_from) / NANOSECONDS, 1e-9)
        replies = tally.ok + tally.deny + tally.degraded + tally.error
        return {
            "seconds": round(seconds, 3),
            "requests": tally.answered,
            "requests_per_second": round(tally.answered / seconds, 1),
            "latency_ms": {name: round(tally.percentile(part), 4) for name, part in (("p50", 0.5), ("p99", 0.99))},
            "replies": {
                "ok": tally.ok,
                "deny": tally.deny,
                "degraded": tally.degraded,
                "error": tally.error + unanswered,
            },
            "errors": tally.errors,
            "generator_cpu_us": cpu / max(replies, 1) * 1e6,
        }


def any_open(connections: list[Connection]) -> bool:
    return any(connection.sent for connection in connections)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=("sidecar", *CHECKS))
    parser.add_argument("work", choices=("check", "record", "reserve"), help="reserve: RESERVE, then its COMMIT")
    parser.add_argument("--port", type=int, required=True, help="of the sidecar, or of Redis")
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--tools", type=int, default=20)
    parser.add_argument("--providers", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--pipeline", type=int, default=16, help="requests that a connection keeps unanswered")
    parser.add_argument("--warmup", type=float, default=1.0, metavar="SECONDS")
    parser.add_argument("--duration", type=float, default=5.0, metavar="SECONDS")
    parser.add_argument("--count", type=int, help="so many requests instead of a time")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    print(json.dumps(Run(parse_arguments()).run()))
