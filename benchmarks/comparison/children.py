"""Child processes: each in a session of its own, each bounded in time, none left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

PATIENCE = 15.0
"""Seconds that a server may take to get ready, and to end after it was asked to."""

PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class BenchmarkError(Exception):
    """A sentence for whoever runs the benchmark."""


def die_with_parent() -> None:
    """Runs in the child: it is killed with this process, also where that had no time to clean up."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def name_of(process: subprocess.Popen[bytes]) -> str:
    words = process.args
    return Path(str(words[0] if isinstance(words, list) else words)).name


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.02)


def end_session(session: int) -> None:
    """Kills what the first process of a session has left behind, such as a Redis's rewriting of its file."""
    deadline = time.monotonic() + PATIENCE
    with suppress(ProcessLookupError, PermissionError):
        while time.monotonic() < deadline:
            os.killpg(session, signal.SIGKILL)
            time.sleep(0.01)


class Children:
    """Every process started here; `with` ends those that are left."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(list(self._processes)):
            self.stop(process)

    def start(
        self, arguments: Sequence[object], log: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Starts a server; what it says goes to the log."""
        with log.open("wb") as output:
            return self._open(arguments, environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def launch(self, arguments: Sequence[object]) -> subprocess.Popen[bytes]:
        """Starts a program whose output `finish` collects."""
        return self._open(arguments, None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def finish(self, process: subprocess.Popen[bytes], timeout: float, accepted: Sequence[int] = (0,)) -> str:
        """What it wrote to standard output; throws unless it ends in time, with a status that is accepted."""
        name = name_of(process)
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"{name} did not end within {timeout:.0f} s") from None
        finally:
            self.stop(process)
        text = output.decode(errors="replace")
        if process.returncode not in accepted:
            words = last_line(errors.decode(errors="replace") or text)
            raise BenchmarkError(f"{name} ended with status {process.returncode}: {words}")
        return text

    def run(self, arguments: Sequence[object], timeout: float, accepted: Sequence[int] = (0,)) -> str:
        """Runs a program to its end and gives what it wrote to standard output."""
        return self.finish(self.launch(arguments), timeout, accepted)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Asks the process to end, and kills its session where that takes too long."""
        if process not in self._processes:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                print(f"killing {name_of(process)}, which does not end", file=sys.stderr)
        process.kill()
        process.wait()
        end_session(process.pid)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        self._processes.remove(process)

    def _open(
        self, arguments: Sequence[object], environment: Mapping[str, str] | None, **streams: Any
    ) -> subprocess.Popen[bytes]:
        words = [str(argument) for argument in arguments]
        try:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                words,
                env=dict(os.environ, **(environment or {})),
                start_new_session=True,
                preexec_fn=die_with_parent,
                **streams,
            )
        except OSError as error:
            raise BenchmarkError(f"{words[0]} cannot be started: {error.strerror}") from None
        self._processes.append(process)
        return process
