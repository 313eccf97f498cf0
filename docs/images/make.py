#!/usr/bin/env python3
"""Makes the drawings of this folder, which docs/ shows: check-path.svg, sliding-window.svg and deployment.svg.

    docs/images/make.py            writes them
    docs/images/make.py --check    fails where one of them is not what this script makes

Needs Python 3.8 or later and nothing else. The figures of sliding-window.svg come from the replay in worst_window.py.
"""

import pathlib
import sys

import worst_window
from svg import Page
from worst_window import BUCKETS, LIMIT, WINDOW

BUCKET = worst_window.BucketedSlidingWindow.WIDTH

FOLDER = pathlib.Path(__file__).resolve().parent


def check_path():
    page = Page(
        676, "The path of a CHECK",
        "An app sends CHECK on a socket. In the sidecar, a session parses it, the resolver turns it into cached scope plans, and "
        "it joins the batch of its event loop. The batch leaves as one FCALL. The Lua script in Redis reads every scope once, "
        "decides every request, and writes every changed scope once. The reply is split into answers, each becomes a line of "
        "text, and the session writes its replies in the order of its requests.")
    left, right, width = 40, 416, 344
    down, up = left + width / 2, right + width / 2

    page.text(24, 36, "The path of a CHECK", 17, "text strong")

    page.rect(24, 54, 752, 56, "area edge")
    page.text(40, 78, "App process", 14, "text strong")
    page.text(40, 97, "any Redis client, or a line on the socket", 12.5, "muted")
    page.text(760, 88, "TCP 127.0.0.1:7379 or a Unix socket", 12.5, "muted", "end")

    page.text(down + 12, 133, "CHECK user=alice tool=search", 12, "text mono")
    page.text(up + 12, 133, "ALLOW … remaining=29 …", 12, "text mono")

    page.rect(24, 148, 752, 358, "area edge")
    page.words(40, 171, [("Sidecar", 14, "text strong"), ("one event loop", 12.5, "muted")])

    rows = [184, 292, 400]
    page.arrow([(down, 110), (down, rows[0])])
    page.arrow([(up, rows[0]), (up, 110)])
    boxes = [
        (left, rows[0], 1, "Session", ["Parses the request in place.", "No task, no lock and no log line per request."]),
        (left, rows[1], 2, "Resolver", ["Finds the scopes that have limits, also user+tool", "and global. Each has a cached, encoded plan."]),
        (left, rows[2], 3, "Batch", ["Shared by all sessions of the loop. Leaves at the", "end of the tick, or when the one before is back."]),
        (right, rows[2], 5, "Batch reply", ["One reply holds the answers of all requests. The", "next batch is sent before they are handed out."]),
        (right, rows[1], 6, "Decision text", ["Names the tightest limit, or the one that refuses", "and in how many seconds to try again."]),
        (right, rows[0], 7, "Reply queue", ["Keeps the replies in the order of the requests.", "One write per session carries all that are ready."]),
    ]
    for x, y, number, title, lines in boxes:
        page.rect(x, y, width, 84, "box edge")
        page.badge(x + 22, y + 22, number)
        page.text(x + 42, y + 27, title, 14, "text strong")
        page.lines(x + 14, y + 51, lines, 12.5, "muted", leading=18)
    for above, below in zip(rows, rows[1:]):
        page.arrow([(down, above + 84), (down, below)])
        page.arrow([(up, below), (up, above + 84)])

    page.arrow([(down, 484), (down, 546)])
    page.arrow([(up, 546), (up, 484)])
    page.text(down + 12, 531, "FCALL, up to 512 requests", 12, "text mono")
    page.text(up + 12, 531, "one reply", 12, "text mono")

    page.rect(24, 546, 752, 106, "area edge")
    page.badge(46, 568, 4)
    about = "one Lua script per batch, all or nothing, by Redis’s clock"
    page.words(66, 573, [("Redis", 14, "text strong"), (about, 12.5, "muted")])
    steps = [("Read", "each scope once"), ("Decide", "each request, in order"), ("Write", "each changed scope once")]
    step = (720 - 2 * 28) / 3
    for index, (word, rest) in enumerate(steps):
        x = 40 + index * (step + 28)
        page.rect(x, 590, step, 46, "box edge")
        page.text(x + 14, 609, word, 13, "text strong")
        page.text(x + 14, 626, rest, 12.5, "muted")
        if index < 2:
            page.arrow([(x + step, 613), (x + step + 28, 613)])
    return page


def sliding_window():
    rivals = [
        (worst_window.FixedWindow, "Fixed window", ["one counter, reset at", "each full minute"]),
        (worst_window.WeightedCounter, "Weighted counter", ["two counters; the older", "one fades out"]),
        (worst_window.GCRA, "GCRA, token bucket", ["one timestamp; the", "burst is the limit"]),
        (worst_window.BucketedSlidingWindow, "Tollgate", [f"{BUCKETS + 1} counters, the", "oldest one in full"]),
    ]
    worst = [worst_window.worst(algorithm) for algorithm, _, _ in rivals]
    # All moments are alike to the last one. Beginning with a bucket shows the two seconds for which nothing passes.
    worst[3] = (worst[3][0], worst[3][1] // BUCKET * BUCKET)
    seconds = WINDOW // 1000
    page = Page(
        566, "The bucketed sliding window beside three other algorithms",
        f"The window of {seconds} seconds is cut into {BUCKETS} buckets. The newest bucket and the {BUCKETS} before it count, the "
        f"oldest in full. Below, a limit of {LIMIT} requests in {seconds} seconds, and the most that a client can get through within "
        "one window: " + "; ".join(f"{name} {most}" for (_, name, _), (most, _) in zip(rivals, worst)) + ".")
    page.text(24, 36, f"Tollgate’s window: {BUCKETS + 1} buckets, for requests/1m", 17, "text strong")

    # The buckets, oldest at the left. The present moment lies in the newest, a third of it gone.
    left, width, top, height, gone = 24, 752 / (BUCKETS + 1), 106, 46, 0.35
    used = [3, 0, 1, 4, 2, 0, 0, 1, 3, 5, 2, 1, 0, 2, 4, 1, 0, 0, 3, 2, 1, 5, 2, 0, 1, 2, 0, 4, 1, 2, 1]
    now = left + (BUCKETS + gone) * width
    begins = now - BUCKETS * width
    for index, count in enumerate(used):
        kind = "red-area" if index == 0 else "blue-area"
        page.rect(left + index * width + 1, top, width - 2, height, f"{kind} edge", 3)
        page.text(left + (index + 0.5) * width, top + 28, str(count), 12.5, "text", "middle")
    for x in (begins, now):
        page.line(x, 68, x, top)
        page.line(x, top + height, x, top + height + 6)
    page.arrow([(begins, 78), (now, 78)], both=True)
    page.text((begins + now) / 2, 70, "the last 60 s", 13, "text strong", "middle")
    page.text(now - 8, 98, "now", 12.5, "muted", "end")
    page.text(left + width + 8, 98, "the window begins within this bucket", 12.5, "muted")
    page.line(left, top + height + 14, left + (BUCKETS + 1) * width, top + height + 14, "blue-line")
    page.text(left, top + height + 35, f"Used: {sum(used)} of {LIMIT}", 13, "text strong")
    page.text(776, top + height + 35, "2 s each; the red bucket is partly outside the window and counts in full", 12.5, "muted", "end")
    page.text(24, top + height + 57, "So no stretch of 60 s holds more than the limit. The price: capacity returns up to one bucket (2 s) late.", 13)

    # What passes within the last 60 s, from a client that sends without pause.
    y = 258
    page.line(24, y - 18, 776, y - 18, "grid")
    page.text(24, y + 12, f"Worst case for a limit of {LIMIT} requests in {seconds} s", 17, "text strong")
    page.text(24, y + 34, "Requests admitted in the last 60 s, to a client that sends without pause from the worst moment on", 12.5, "muted")
    panel, gap, plot = 176, 16, 118
    base = y + 226
    scale = plot / 126
    for column, ((algorithm, name, lines), (most, start)) in enumerate(zip(rivals, worst)):
        x = 24 + column * (panel + gap)
        page.text(x, y + 66, name, 14, "text strong")
        page.lines(x, y + 84, lines, 12.5, "muted", leading=16)
        times = worst_window.admitted(algorithm, start, start + 140_000, 20)
        first, last = start - 12_000, start + 138_000
        points = curve(times, first, last)
        along = panel / (last - first)
        at = [(x + (time - first) * along, base - count * scale) for time, count in points]
        limit = base - LIMIT * scale
        fill, stroke, word = ("red-area", "red-line", "red") if most > LIMIT else ("green-area", "green-line", "green")
        page.path([(x, base), *at, (x + panel, base)], fill if most <= LIMIT else "blue-area", closed=True)
        if most > LIMIT:
            over = [(px, min(py, limit)) for px, py in at]
            page.path([(x, limit), *over, (x + panel, limit)], fill, closed=True)
        page.path(at, stroke + " open")
        page.line(x, limit, x + panel, limit, "line", "4 3")
        page.line(x, base, x + panel, base, "line")
        page.text(x + panel, limit - 5 if most <= LIMIT else base - 8, "limit 60" if most <= LIMIT else "", 12, "muted", "end")
        share = f"{most / LIMIT:.2f} × the limit"
        page.words(x, base + 30, [(str(most), 22, f"{word} strong"), (share, 12.5, "muted")])
    page.text(24, base + 58, "Dashed: the limit. Each plot shows 150 s, replayed by docs/images/worst_window.py.", 12, "muted")
    return page


def curve(times, first, last):
    """How many of the times lie within the window that ends at each moment, as the corners of a staircase."""
    changes = sorted([(time, 1) for time in times] + [(time + WINDOW, -1) for time in times])
    points, count, index = [(first, 0)], 0, 0
    while index < len(changes) and changes[index][0] < last:
        now = changes[index][0]
        before = count
        while index < len(changes) and changes[index][0] == now:
            count += changes[index][1]
            index += 1
        if count != before:
            points += [(now, before), (now, count)]
    return points + [(last, count)]


def deployment():
    page = Page(
        560, "Sidecars, apps and Redis in a deployment",
        "On each host, app processes talk to the sidecar of that host on a loopback port or a Unix socket. All sidecars keep their "
        "counters in one Redis, so that all hosts share one set of limits. Each sidecar has a journal on local disk for the time that "
        "Redis is away. Administrators use the admin API of any sidecar. One sidecar at a time delivers alerts to each receiver.")
    page.text(24, 36, "One sidecar per host, one Redis for all", 17, "text strong")

    hosts = [("Host 1", 54), ("Host 2", 244)]
    for name, top in hosts:
        page.rect(24, top, 468, 174, "area edge")
        page.text(40, top + 24, name, 14, "text strong")
        for index in range(3):
            page.rect(40, top + 38 + index * 42, 112, 34, "box edge")
            page.text(96, top + 60 + index * 42, f"app process {index + 1}", 13, "text", "middle")
            page.arrow([(152, top + 55 + index * 42), (308, top + 85 + index * 8)], both=True)
        page.text(162, top + 32, "line protocol or RESP", 12.5, "muted")
        page.text(176, top + 149, "TCP on loopback,", 12.5, "muted")
        page.text(176, top + 165, "or a Unix socket", 12.5, "muted")
        page.rect(308, top + 30, 168, 128, "blue-area edge")
        page.text(324, top + 54, "Tollgate sidecar", 14, "text strong")
        page.lines(324, top + 76, ["requests on :7379", "admin API on :7380"], 12.5, "muted", leading=18)
        page.line(324, top + 104, 460, top + 104, "grid")
        page.lines(324, top + 122, ["tollgate.yaml", "journal.sqlite"], 12, "text mono", leading=18)

    page.rect(596, 54, 180, 364, "area edge")
    page.text(612, 80, "Redis 7.0 or later", 14, "text strong")
    groups = [
        ("Counters", ["windows, budgets,", "open reservations"]),
        ("History", ["days and months"]),
        ("Policy", ["what administrators set"]),
        ("Alerts", ["and their deliveries"]),
    ]
    y = 110
    for title, lines in groups:
        page.text(612, y, title, 13, "text strong")
        page.lines(612, y + 18, lines, 12.5, "muted", leading=17)
        y += 40 + 17 * len(lines)
    page.line(612, 346, 760, 346, "grid")
    page.lines(612, 368, ["append-only file", "noeviction"], 12.5, "muted", leading=18)

    for _, top in hosts:
        page.arrow([(476, top + 94), (596, top + 94)], both=True)
        page.text(536, top + 84, "one script", 12.5, "muted", "middle")
        page.text(536, top + 114, "call per batch", 12.5, "muted", "middle")

    page.rect(24, 462, 214, 74, "box edge")
    page.text(40, 486, "Administrators", 14, "text strong")
    page.text(40, 506, "tollgate tier set …", 12, "text mono")
    page.text(40, 524, "or HTTP, at any sidecar", 12.5, "muted")
    page.arrow([(238, 499), (340, 499), (340, 402)])
    page.rect(562, 462, 214, 74, "box edge")
    page.text(578, 486, "Alert receivers", 14, "text strong")
    page.lines(578, 506, ["webhook, Slack, pub/sub,", "Prometheus Alertmanager"], 12.5, "muted", leading=18)
    page.arrow([(436, 402), (436, 499), (562, 499)])
    page.text(449, 490, "from one sidecar", 12.5, "muted")
    page.text(449, 517, "at a time", 12.5, "muted")
    return page


def main():
    drawings = {"check-path.svg": check_path, "sliding-window.svg": sliding_window, "deployment.svg": deployment}
    differing = []
    for name, draw in drawings.items():
        file, text = FOLDER / name, str(draw())
        if sys.argv[1:] != ["--check"]:
            file.write_text(text, encoding="utf-8")
        elif not file.exists() or file.read_text(encoding="utf-8") != text:
            differing.append(name)
    if differing:
        sys.exit(f"not what docs/images/make.py makes: {', '.join(differing)}")


if __name__ == "__main__":
    main()
