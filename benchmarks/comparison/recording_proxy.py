"""A TCP proxy in front of Redis that keeps what the client said."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress

CHUNK = 65_536


class RecordingProxy:
    """Listens on a port that the system chose; every connection is passed on to `port` on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._recordings: list[bytearray] = []
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> RecordingProxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for open_socket in [self._listener, *self._sockets]:
            with suppress(OSError):
                # Wakes the thread that waits on it.
                open_socket.shutdown(socket.SHUT_RDWR)
            open_socket.close()

    def commands(self) -> list[list[bytes]]:
        """The commands of all connections, each connection's in order."""
        return [command for recording in list(self._recordings) for command in parse_commands(bytes(recording))]

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._target), 10)
                server.settimeout(None)
                recording = bytearray()
                self._recordings.append(recording)
                self._sockets += [client, server]
                threading.Thread(target=self._pass_on, args=(client, server, recording), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, None), daemon=True).start()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket, recording: bytearray | None) -> None:
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                if recording is not None:
                    recording += chunk
                target.sendall(chunk)
            target.shutdown(socket.SHUT_WR)


def parse_commands(stream: bytes) -> list[list[bytes]]:
    """The whole commands at the front of the bytes: arrays of bulk strings."""
    commands: list[list[bytes]] = []
    at = 0
    with suppress(ValueError, IndexError):
        while at < len(stream) and stream[at : at + 1] == b"*":
            count, at = read_number(stream, at)
            words = []
            for _ in range(count):
                length, at = read_number(stream, at)
                if at + length + 2 > len(stream):
                    return commands
                words.append(stream[at : at + length])
                at += length + 2
            commands.append(words)
    return commands


def read_number(stream: bytes, at: int) -> tuple[int, int]:
    """The number after the byte at that place, and where the next line begins."""
    end = stream.index(b"\r\n", at)
    return int(stream[at + 1 : end]), end + 2
