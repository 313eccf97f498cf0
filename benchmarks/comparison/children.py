"""Child processes: each in a session of its own, each bounded in time, none left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Callable, Mapping, Sequence

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


def wait_until(condition: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.02)


class Children:
    """Every process started here; `with` ends those that are left."""

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Children:
        return self

    def __exit__(self, *_: object) -> None:
        # A second Ctrl-C must not stop the clean-up, which is bounded.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
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
        return self._open(
            arguments, None, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def finish(
        self, process: subprocess.Popen[bytes], timeout: float, input: bytes | None = None, accepted: Sequence[int] = (0,)
    ) -> str:
        """What it wrote to standard output; throws unless it ends in time, with a status that is accepted."""
        name = Path(str(process.args[0])).name  # type: ignore[index]
        try:
            output, errors = process.communicate(input, timeout=timeout)
        except subprocess.TimeoutExpired:
            raise BenchmarkError(f"{name} did not end within {timeout:.0f} s") from None
        finally:
            self.stop(process)
        text = output.decode(errors="replace")
        if process.returncode not in accepted:
            words = last_line(errors.decode(errors="replace") or text)
            raise BenchmarkError(f"{name} ended with status {process.returncode}: {words}")
        return text

    def run(
        self, arguments: Sequence[object], timeout: float, input: bytes | None = None, accepted: Sequence[int] = (0,)
    ) -> str:
        """Runs a program to its end and gives what it wrote to standard output."""
        stdin = subprocess.DEVNULL if input is None else subprocess.PIPE
        process = self._open(arguments, None, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return self.finish(process, timeout, input, accepted)

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Asks the process to end, and kills its session where that takes too long."""
        if process not in self._processes:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                print(f"killing {process.args[0]}, which does not end", file=sys.stderr)  # type: ignore[index]
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream:
                stream.close()
        self._processes.remove(process)

    def _open(
        self, arguments: Sequence[object], environment: Mapping[str, str] | None, **streams: object
    ) -> subprocess.Popen[bytes]:
        words = [str(argument) for argument in arguments]
        try:
            process = subprocess.Popen(
                words,
                env=dict(os.environ, **(environment or {})),
                start_new_session=True,
                preexec_fn=die_with_parent,
                **streams,  # type: ignore[call-overload]
            )
        except OSError as error:
            raise BenchmarkError(f"{words[0]} cannot be started: {error.strerror}") from None
        self._processes.append(process)
        return process
