#!/usr/bin/env python3
"""Receives Tollgate's webhooks and prints a line for each; needs nothing but Python.

    webhook-receiver.py PORT SECRET_FILE

Answers 401 where the signature is not that of the secret, or is older than five minutes."""

import hashlib
import hmac
import http.server
import json
import sys
import time


def is_signed(body, header, secret):
    """Tollgate-Signature: t=1795219201,v1=HEX, where HEX is the HMAC-SHA256 of '1795219201.' and the body."""
    parts = dict(part.partition("=")[::2] for part in header.split(","))
    sent_at, signature = parts.get("t", ""), parts.get("v1", "")
    if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > 300:
        return False
    expected = hmac.new(secret, sent_at.encode() + b"." + body, hashlib.sha256).hexdigest()
    # As bytes, because compare_digest rejects text that is not ASCII.
    return hmac.compare_digest(expected.encode(), signature.encode())


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20))
        is_known = is_signed(body, self.headers.get("Tollgate-Signature", ""), self.server.secret)
        if is_known:
            self.work(json.loads(body))
        # The reply comes last: after 200, Tollgate does not send the event again.
        self.send_response(200 if is_known else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def work(self, message):
        alert = message.get("alert", {})
        print(message.get("event"), alert.get("severity"), alert.get("limit"), alert.get("threshold"), "%",
              alert.get("id"), flush=True)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    with open(sys.argv[2], "rb") as file:
        server.secret = file.read().strip()
    print(f"listening on 127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
