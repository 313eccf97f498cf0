"""Whether the handwritten scripts decide as Tollgate does: the same requests to both, answers compared one by one.

The limits and windows of the scripts are replaced by small ones, so that all six refuse within seconds and counts leave
their windows; the rest of the text is what is measured.
"""

from __future__ import annotations

import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .children import BenchmarkError
from .stage import Settings, Stage

SCRIPTS = Path(__file__).parent.parent / "handwritten"
SECONDS = 14.0
"""Longer than the longest window."""
EDGE_MS, BUCKET_MS = 15, 100
"""Both sides are asked within one bucket: nothing is sent so close to the end of one."""
RETRY_TOLERANCE = 0.15
FEWEST_KINDS = 4
"""Of answers: ALLOW, and a refusal by at least three of the six limits."""
NANOS = 1_000_000_000

SMALL_POLICY = """\
defaults:
  user: { requests: { 3s: 14, 6s: 22, 9s: 30 }, cost: { day: 10 } }
  tool: { requests: { 3s: 40, 6s: 66 } }
  provider: { requests: { 3s: 56 } }
"""
NUMBERS = {
    "user/requests/1m": ("user/requests/3s", "1000000", "14"),
    "user/requests/1h": ("user/requests/6s", "10000000", "22"),
    "user/requests/24h": ("user/requests/9s", "100000000", "30"),
    "tool/requests/1m": ("tool/requests/3s", "100000000", "40"),
    "tool/requests/1h": ("tool/requests/6s", "1000000000", "66"),
    "provider/requests/1m": ("provider/requests/3s", "1000000000", "56"),
}
"""Name in the script: name here, maximum in the script, maximum here; in the order of n1 … n6."""
WIDTHS = {"2": "0.1", "120": "0.2", "2880": "0.3"}
BUCKETS = "local m, h, d = (s - s % 2) / 2, (s - s % 120) / 120, (s - s % 2880) / 2880\n"
SMALL_BUCKETS = """\
local ms = call('TIME')
ms = ms[1] * 1000 + math.floor(ms[2] / 1000)
local m, h, d = math.floor(ms / 100), math.floor(ms / 200), math.floor(ms / 300)
"""
BUDGET, SMALL_BUDGET = "1000000000000000", "10000000000"
PLAIN_WIDTHS = {"2000": "100", "120000": "200", "2880000": "300"}


@dataclass(frozen=True)
class Answer:
    allows: bool
    limit: str = ""
    retry: float = 0.0

    def agrees_with(self, other: Answer) -> bool:
        """Where two limits refuse for equally long, either may be named."""
        return self.allows == other.allows and abs(self.retry - other.retry) <= RETRY_TOLERANCE


def shrink(script: str) -> str:
    """The script with the small limits and windows."""
    script = replace(script, BUCKETS, SMALL_BUCKETS, 1)
    for number, (name, (small_name, most, small_most)) in enumerate(NUMBERS.items(), 1):
        script = replace(script, f"n{number} >= {most}", f"n{number} >= {small_most}", 1)
        found = re.search(rf"refuse\('{name}', {most}, (\d+), ", script)
        if not found:
            raise BenchmarkError(f"the handwritten script does not refuse by {name}")
        script = replace(script, found[0], f"refuse('{small_name}', {small_most}, {WIDTHS[found[1]]}, ", 1)
    return script.replace(BUDGET, SMALL_BUDGET)


def shrink_plain(script: str) -> str:
    for name, (small_name, most, small_most) in NUMBERS.items():
        found = re.search(rf"'{name}', {most}, (\d+) ", script)
        if not found:
            raise BenchmarkError(f"the plain script does not have {name}")
        script = replace(script, found[0], f"'{small_name}', {small_most}, {PLAIN_WIDTHS[found[1]]} ", 1)
    return script


def replace(text: str, old: str, new: str, times: int) -> str:
    if len(re.findall(re.escape(old) + r"(?!\d)", text)) != times:
        raise BenchmarkError(f"the handwritten script does not have {times} × {old!r}")
    return re.sub(re.escape(old) + r"(?!\d)", lambda _: new, text)


class Sides:
    """The same request to both; keys and scopes carry a name that can be changed for fresh ones."""

    def __init__(self, stage: Stage) -> None:
        self._redis, self._sidecar = stage.redis, stage.sidecar
        texts = {name: (SCRIPTS / f"{name}.lua").read_text() for name in ("check", "record", "reserve", "commit")}
        texts.update({name: shrink(texts[name]) for name in ("check", "reserve")})
        texts["plain"] = shrink_plain((SCRIPTS / "plain.lua").read_text())
        self._digests = {name: stage.redis.text("SCRIPT", "LOAD", text) for name, text in texts.items()}
        self.epoch = 0
        self.script = "check"
        """That of checks: check or plain."""

    def check(self, user: str, tool: str, provider: str) -> tuple[Answer, Answer]:
        scopes, keys = self._names(user, tool, provider)
        ours = self._sidecar.ask("CHECK", *scopes)
        theirs = self._redis.text("EVALSHA", self._digests[self.script], 3, *keys)
        return self._read_ours(ours), self._read_theirs(theirs)

    def reserve(self, user: str, nanos: int, seconds: int) -> tuple[Answer, Answer, tuple[str, str]]:
        """The third are the two tokens."""
        scopes, keys = self._names(user, "t", "p")
        ours = self._sidecar.ask("RESERVE", *scopes, f"cost={decimal(nanos)}", f"ttl={seconds}")
        words = [*keys, f"{keys[0]}:day", f"{keys[0]}:holds", nanos, seconds * 1_000]
        theirs = self._redis.text("EVALSHA", self._digests["reserve"], 5, *words)
        tokens = (ours.rpartition("reservation=")[2], theirs.rpartition(" ")[2])
        return self._read_ours(ours), self._read_theirs(theirs), tokens

    def commit(self, user: str, nanos: int, tokens: tuple[str, str]) -> tuple[str, str]:
        _, keys = self._names(user, "t", "p")
        ours = self._sidecar.ask("COMMIT", f"reservation={tokens[0]}", f"cost={decimal(nanos)}", "tokens=7")
        words = [*(f"{key}:day" for key in keys), keys[0], f"{keys[0]}:holds", 7, nanos, tokens[1]]
        return ours.split(" warn=")[0], self._redis.text("EVALSHA", self._digests["commit"], 5, *words)

    def record(self, user: str, nanos: int) -> tuple[str, str]:
        scopes, keys = self._names(user, "t", "p")
        ours = self._sidecar.ask("RECORD", *scopes, f"cost={decimal(nanos)}", "tokens=7")
        theirs = self._redis.text("EVALSHA", self._digests["record"], 3, *(f"{key}:day" for key in keys), 7, nanos)
        return ours.split(" warn=")[0], theirs

    def spent(self, user: str) -> tuple[str, str]:
        scopes, keys = self._names(user, "t", "p")
        usage = self._sidecar.ask("USAGE", "scope=" + scopes[0].replace("=", ":"))
        ours = re.search(r'"limit":"cost/day".*?"used":"([0-9.]+)"', usage)
        theirs = int(self._redis.ask("HGET", f"{keys[0]}:day", "cost") or 0)
        return ours[1] if ours else "?", decimal(theirs)

    def _names(self, *ids: str) -> tuple[list[str], list[str]]:
        kinds = ("user", "tool", "provider")
        scopes = [f"{kind}={name}-{self.epoch}" for kind, name in zip(kinds, ids, strict=True)]
        return scopes, ["handwritten:" + scope.replace("=", ":") for scope in scopes]

    @staticmethod
    def _read_ours(reply: str) -> Answer:
        if reply.startswith("ALLOW"):
            return Answer(True)
        fields = dict(word.split("=", 1) for word in reply.split()[1:])
        kind, _, limit = fields["limit"].partition("/")
        return Answer(False, f"{kind.partition(':')[0]}/{limit}", float(fields.get("retry_after", 0)))

    @staticmethod
    def _read_theirs(reply: str) -> Answer:
        if reply.startswith("ALLOW"):
            return Answer(True)
        _, limit, retry = reply.split()
        return Answer(False, limit, float(retry))


def decimal(nanos: int) -> str:
    return f"{nanos // NANOS}.{nanos % NANOS:09d}".rstrip("0").rstrip(".")


def compare_decisions(settings: Settings) -> str:
    """A sentence of what was compared; throws where the two sides differ."""
    with Stage(settings, policy=SMALL_POLICY) as stage:
        sides = Sides(stage)
        compare_budget(sides)
        refusals = compare_checks(sides)
        sides.script = "plain"
        refusals.update(compare_checks(sides))
    told = ", ".join(f"{name} {count}" for name, count in sorted(refusals.items()) if name)
    count = f"{sum(refusals.values()):,} checks"
    return f"handwritten and plain decide as the sidecar does: {count}, of them refused by {told}"


def compare_checks(sides: Sides) -> Counter[str]:
    """Random requests in bursts and pauses; how many each limit has refused, '' for those allowed."""
    drawn, counted = random.Random(1), Counter[str]()
    # What the budget's requests have counted may lie in different buckets on the two sides.
    sides.epoch += 1
    start = time.monotonic()
    while time.monotonic() - start < SECONDS:
        if drawn.random() < 0.02:
            time.sleep(drawn.random() * 0.6)
        time.sleep(drawn.random() * 0.015)
        bucket = wait_for_quiet()
        ours, theirs = sides.check(f"u{min(drawn.randrange(9), 4)}", f"t{drawn.randrange(4) // 3}", "p")
        if int(time.time() * 1_000) // BUCKET_MS != bucket:
            # The two may have counted in different buckets: from here with fresh keys.
            sides.epoch += 1
            continue
        if not ours.agrees_with(theirs):
            raise BenchmarkError(f"check {sum(counted.values())}: the sidecar says {ours}, {sides.script}.lua {theirs}")
        counted[theirs.limit] += 1
    print(f"agreement: {sum(counted.values())} checks compared, {sides.epoch - 1} fresh starts", file=sys.stderr)
    if len(counted) < FEWEST_KINDS:
        raise BenchmarkError("hardly anything was refused: this machine is too slow to compare decisions on")
    return counted


def wait_for_quiet() -> int:
    """Waits until no bucket is about to end; gives the current one."""
    while (now := int(time.time() * 1_000)) % BUCKET_MS > BUCKET_MS - EDGE_MS:
        time.sleep(0.002)
    return now // BUCKET_MS


def compare_budget(sides: Sides) -> None:
    """Holds, what ends them, and what they leave: a budget of 10."""

    def expect(what: str, same: bool) -> None:
        if not same:
            raise BenchmarkError(f"handwritten differs from the sidecar: {what}")

    held = []
    for nanos, allowed in ((4 * NANOS, True), (5 * NANOS, True), (2 * NANOS, False), (NANOS, True)):
        ours, theirs, tokens = sides.reserve("budget", nanos, 60)
        expect(f"RESERVE of {decimal(nanos)}: {ours}, {theirs}", ours.allows == theirs.allows == allowed)
        expect(f"RESERVE of {decimal(nanos)}: {ours}, {theirs}", ours.agrees_with(theirs))
        held.append(tokens)
    for nanos, tokens in ((1_500_000_001, held[0]), (5 * NANOS, held[1])):
        expect("COMMIT", sides.commit("budget", nanos, tokens) == ("OK", "OK"))
        expect("COMMIT again", sides.commit("budget", nanos, tokens) == ("OK duplicate=1", "OK duplicate=1"))
    expect("RECORD", sides.record("budget", 250_000_000) == ("OK", "OK"))
    ours_spent, theirs_spent = sides.spent("budget")
    expect(f"spent: {ours_spent}, {theirs_spent}", ours_spent == theirs_spent == "6.750000001")
    # 1 is held, so 2.249999999 is left.
    for nanos, seconds, allowed in ((2_250_000_000, 1, False), (2_249_999_999, 1, True), (1, 1, False)):
        ours, theirs, _ = sides.reserve("budget", nanos, seconds)
        expect(f"RESERVE of {decimal(nanos)}: {ours}, {theirs}", ours.allows == theirs.allows == allowed)
    time.sleep(1.1)
    ours, theirs, _ = sides.reserve("budget", 2_249_999_999, 1)
    expect(f"RESERVE after a hold has expired: {ours}, {theirs}", ours.allows and theirs.allows)
