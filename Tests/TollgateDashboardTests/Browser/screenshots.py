"""Saves pictures of the dashboard of a sidecar with a month of usage. Run by scripts/screenshots.

    screenshots.py PROGRAM FOLDER
"""

import contextlib
import datetime
import http.client
import json
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zoneinfo

from stand import Stand

POLICY = """\
currency: USD
decimals: 2
timezone: Europe/Berlin
thresholds: [80, 90, 95, 100]
history: [tenant, team, user, provider, tool, model, global]
defaults:
  user: { requests: { 1m: 5000 } }
scopes:
"""

# Tenants with their teams, their part of all calls, and what they have used of the limit of this month, in percent.
TENANTS = {
    "acme": (["search", "support"], 26, 72), "globex": (["billing", "support"], 20, 86), "initech": (["reports"], 13, 41),
    "umbrella": (["research"], 10, 101), "hooli": (["search"], 9, 64), "stark": (["design", "research"], 8, 93), "wayne": (["support"], 6, 28),
    "tyrell": (["reports"], 4, 57), "cyberdyne": (["research"], 3, 12), "aperture": (["design"], 1, 7),
}
USERS = ["ada", "grace", "edsger", "barbara", "donald", "radia", "leslie", "margaret", "ken", "sophie", "tim", "frances"]
# Models with their provider, the price of a million tokens in and out in USD, and their part of all calls.
MODELS = {
    "gpt-5.1": ("openai", 1.25, 10.0, 40), "gpt-5-mini": ("openai", 0.25, 2.0, 15), "claude-sonnet-4-5": ("anthropic", 3.0, 15.0, 30),
    "gemini-2.5-pro": ("google", 1.25, 10.0, 12), "mistral-large": ("mistral", 2.0, 6.0, 8),
}
TOOLS = ["chat", "summarize", "classify", "extract"]
DAYS = 30


def main():
    program, pictures = sys.argv[1], pathlib.Path(sys.argv[2])
    calls = month()
    with sidecar(program, POLICY + limits(calls)) as api:
        for each in calls:
            api.post("/v1/record", each)
        # Without a time of their own they are of this moment. Those of a tenant beyond its limit are denied.
        for each in calls[-200:]:
            api.post("/v1/check", {key: value for key, value in each.items() if key != "at"})
        link = api.post("/v1/sign-in-links", {})["path"]
        with Stand(api.address, width=1280, height=800) as stand:
            stand.sign_in_by_link(link)
            for name, path, width, height in [
                ("overview", "/", 1280, 800), ("usage", "/usage?kind=tenant&sort=usage&order=descending", 1280, 800), ("scope", "/scopes/tenant%3Aglobex", 1280, 1000),
                ("analytics", "/analytics?scope=tenant%3Aacme%0Atenant%3Aglobex%0Atenant%3Ainitech", 1280, 800), ("narrow", "/", 390, 844),
            ]:
                for scheme in ["light", "dark"]:
                    stand.size(width, height)
                    stand.scheme(scheme)
                    stand.open(path)
                    stand.picture(pictures / f"dashboard-{name}-{scheme}.png")
            stand.no_console_errors()
    print(f"saved pictures in {pictures}", file=sys.stderr)


class API:
    """The admin API of a sidecar, on one connection."""

    def __init__(self, port, token):
        self.address = f"http://127.0.0.1:{port}"
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def post(self, path, body):
        """Sends a request, and returns the answer. Denials are answers."""
        self._connection.request("POST", path, json.dumps(body), self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 400 and answer.status != 429:
            raise RuntimeError(f"{path}: {answer.status} {text.decode()}")
        return json.loads(text)


@contextlib.contextmanager
def sidecar(program, policy):
    """Starts a sidecar with an embedded Redis in a temporary folder, and ends it."""
    with tempfile.TemporaryDirectory(prefix="tollgate-screenshots-") as folder:
        folder = pathlib.Path(folder)
        (folder / "tollgate.yaml").write_text(policy)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            [program, "serve", "--policy", "tollgate.yaml", "--listen", f"unix:{folder}/tollgate.sock", "--admin", f"127.0.0.1:{port}", "--deadline", "10s",
             "--log-level", "error"], cwd=folder)
        try:
            yield API(port, wait_until_ready(process, port, folder / "tollgate-data" / "admin-token"))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def wait_until_ready(process, port, token):
    """Waits until the sidecar answers, and returns its admin token."""
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return token.read_text().strip()
        time.sleep(0.1)
    raise RuntimeError("the sidecar did not get ready within 30 s")


def month():
    """Returns the calls of the last 30 days in order, fewer at weekends and more as time goes by."""
    dice = random.Random(20)
    now = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=5)
    calls = []
    for age in reversed(range(DAYS)):
        day = now - datetime.timedelta(days=age)
        count = int((90 if day.weekday() < 5 else 35) * (1 + (DAYS - age) / DAYS) * dice.uniform(0.8, 1.2))
        times = [day.replace(hour=dice.choice(range(6, 21)), minute=dice.randrange(60)) for _ in range(count)]
        calls += [call(dice, at) for at in sorted(min(time, now) for time in times)]
    return calls


def call(dice, at):
    """Returns the record of a batch of calls."""
    tenant = dice.choices(list(TENANTS), [part for _, part, _ in TENANTS.values()])[0]
    model = dice.choices(list(MODELS), [part for *_, part in MODELS.values()])[0]
    provider, price_in, price_out, _ = MODELS[model]
    tokens_in, tokens_out = dice.randrange(50_000, 600_000), dice.randrange(10_000, 150_000)
    cost = (tokens_in * price_in + tokens_out * price_out) / 1_000_000
    return {
        "scopes": {
            "tenant": tenant, "team": dice.choice(TENANTS[tenant][0]), "user": dice.choice(USERS), "provider": provider, "model": model, "tool": dice.choice(TOOLS),
        },
        "requests": dice.randrange(5, 60), "input_tokens": tokens_in, "output_tokens": tokens_out, "cost": f"{cost:.2f}",
        "at": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def limits(calls):
    """Returns the limits of the tenants, of which they have used their parts, whatever the day of the month is."""
    zone = zoneinfo.ZoneInfo("Europe/Berlin")
    this_month = datetime.datetime.now(zone).strftime("%Y-%m")
    lines = []
    for tenant, (_, _, percent) in TENANTS.items():
        cost = sum(
            float(each["cost"]) for each in calls
            if each["scopes"]["tenant"] == tenant and datetime.datetime.fromisoformat(each["at"]).astimezone(zone).strftime("%Y-%m") == this_month)
        lines.append(f"  tenant:{tenant}: {{ cost: {{ month: {max(1, round(cost * 100 / percent))} }} }}\n")
    return "".join(lines)


if __name__ == "__main__":
    main()
