"""A client of scripts/test-package, whose requests are under way while the sidecar stops:

    pipelined.py FILE

Prints `connected`, and waits until the file exists, which says that Redis is frozen. Then it sends, prints `received`
when the sidecar has read everything, and reads until the sidecar closes the connections. Ends with status 1 if a request
has no reply, or another one than OK.
"""
import os, socket, sys, time

CONNECTIONS, REQUESTS = 8, 100


def connect():
    connection = socket.create_connection(("127.0.0.1", 7379), timeout=60)
    connection.sendall(b"PING\n")
    assert connection.recv(64) == b"PONG\n"
    return connection


connections = [connect() for _ in range(CONNECTIONS)]
print("connected", flush=True)
while not os.path.exists(sys.argv[1]):
    time.sleep(0.05)
for number, connection in enumerate(connections):
    lines = [f"RECORD user=pipelined cost=0.01 id={number}-{request}\n" for request in range(REQUESTS)]
    connection.sendall("".join(lines).encode())
# STATUS asks every event loop. What was sent before has been read when its reply comes.
other = connect()
other.sendall(b"STATUS\n")
assert other.recv(65536).startswith(b"{")
other.close()
print("received", flush=True)

replies = []
for connection in connections:
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    replies += data.decode().splitlines()
expected = CONNECTIONS * REQUESTS
if len(replies) != expected or not all(reply == "OK" or reply.startswith("OK queued=") for reply in replies):
    sys.exit(f"{len(replies)} replies to {expected} requests: {sorted(set(replies))}")
print(f"{expected} pipelined requests have {len(replies)} replies")
