"""A sample page with every component of the dashboard, served by the test itself under the dashboard's content policy.

It shows which markup dashboard.css and dashboard.js expect. Its numbers change with each request, and the test changes its
state: rows, failures, delays.
"""

import html
import http.server
import json
import pathlib
import sys
import threading
import time
import urllib.parse

from stand import Stand, settings

HOSTILE = [
    "<img src=x onerror=alert(1)>", "\"quoted\" 'twice'", "é\"\u0301 after a quote", "../../etc/passwd", "שלום ‮abc", "x" * 256,
    "</script><script>alert(1)</script>", "{{csrf}} {{{csrf}}}", "a&amp;b", "🙂‍↕️ %00 %2F",
]


def run(steps, errors=()):
    """Runs steps, each with a sample page of its own in the same browser; they get both.

    `errors` are the texts of errors in the console that the steps cause on purpose.
    """
    assets = settings()["assets"]
    with Stand() as stand:
        for step in steps:
            print(step.__name__, flush=True)
            with Sample(assets) as sample:
                stand.at(sample.address)
                stand.open("/")
                step(sample, stand)
                stand.no_console_errors(but=errors)
                stand.no_other_host()
                assert sample.most_at_once <= 1, "two refreshes at a time"
                # The page must not ask a server that has ended.
                stand.open("about:blank")


class Sample:
    """The server, on a free port of 127.0.0.1, until the end of the `with` statement."""

    def __init__(self, assets):
        self.assets = pathlib.Path(assets)
        self.fetches = 0
        self.lookups = []
        self.rows = [f"tenant {number:03}" for number in range(100)]
        self.amounts = {}
        self.refresh = 0.5
        self.status = 200
        self.delay = 0
        self.lookup_delays = {}
        self.signed_out = False
        self.forms = []
        self.most_at_once = self.at_once = 0
        self._lock = threading.Lock()
        self._server = None
        self._port = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *unused):
        self.stop()

    @property
    def address(self):
        return f"http://127.0.0.1:{self._port}"

    def start(self):
        """Starts to listen, on the port of the last time."""
        sample = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                sample._get(self)

            def do_POST(self):
                form = self.rfile.read(int(self.headers["Content-Length"])).decode()
                sample.forms.append(urllib.parse.parse_qs(form, keep_blank_values=True))
                sample._send(self, 303, "", location="/")

            def log_message(self, *unused):
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, request, address):
                # A browser that no longer wants an answer closes its connection.
                if not isinstance(sys.exc_info()[1], ConnectionError):
                    super().handle_error(request, address)

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        """Stops to listen."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
        self._server = None

    def _send(self, handler, status, text, kind="text/html; charset=utf-8", location=None):
        body = text.encode()
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Content-Security-Policy", "default-src 'self'; frame-ancestors 'none'")
        handler.send_header("Cache-Control", "no-store")
        # So that a server that has stopped answers no more.
        handler.send_header("Connection", "close")
        handler.close_connection = True
        if location:
            handler.send_header("Location", location)
        handler.end_headers()
        handler.wfile.write(body)

    def _get(self, handler):
        path, _, query = handler.path.partition("?")
        if path in ("/dashboard.css", "/dashboard.js"):
            kind = "text/css" if path.endswith("css") else "text/javascript"
            return self._send(handler, 200, (self.assets / path[1:]).read_text(), f"{kind}; charset=utf-8")
        if path == "/scopes/lookup":
            return self._look_up(handler, urllib.parse.parse_qs(query, keep_blank_values=True))
        if path == "/sign-in":
            return self._send(handler, 200, page("sign-in", 0, "<p>Sign in</p>"))
        if path not in ("/", "/plain"):
            # A browser asks for an icon by itself.
            return self._send(handler, 204, "")
        with self._lock:
            self.fetches += 1
            # A page that is left may have asked a moment before the next one is opened.
            self.at_once += "X-Tollgate-Refresh" in handler.headers
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            time.sleep(self.delay)
            if self.signed_out:
                self._send(handler, 303, "", location="/sign-in")
            elif self.status != 200:
                self._send(handler, self.status, "<p>No page</p>")
            else:
                self._send(handler, 200, self.text())
        finally:
            with self._lock:
                self.at_once -= "X-Tollgate-Refresh" in handler.headers

    def _look_up(self, handler, query):
        name = query.get("id", [""])[0]
        self.lookups.append(name)
        time.sleep(self.lookup_delays.get(name, 0))
        if "/" in name:
            answer = {"state": "invalid", "message": "id: expected no slash", "href": ""}
        elif name in self.rows:
            answer = {"state": "exists", "message": f"{name} has limits already.", "href": "/scopes/x"}
        else:
            answer = {"state": "new", "message": f"{name} is new.", "href": ""}
        self._send(handler, 200, json.dumps(answer), "application/json")

    def text(self):
        """Returns the page with the numbers of this moment."""
        return page("sample", self.refresh, "".join([
            NOTICES, cards(self.fetches), TABS, TOOLBAR, self._usage(), self._alerts(), FIELDS, LOOKUP, DETAILS, chart(), CODE, DIFF,
        ]), as_of=self.fetches)

    def _usage(self):
        return f"""
        <form id="bulk" class="row" method="post" action="/alerts"><button>Resolve those selected</button></form><div class="table-box"><table>
          <caption class="hidden-text">Usage of tenants</caption>
          <thead><tr><th><label class="choice"><input type="checkbox" data-select-all form="bulk" hidden aria-label="Select all"></label></th>
            <th aria-sort="ascending"><a href="?sort=id">Tenant</a></th><th class="number">Requests</th><th class="number">Total Cost, USD</th>
            <th>Usage %</th><th class="number">Limit</th><th>Resets</th><th>Change</th></tr></thead>
          <tbody data-rows="usage">{"".join(self._row(index, name) for index, name in enumerate(self.rows))}</tbody>
        </table></div>"""

    def _row(self, index, name):
        tenths = self.amounts.get(name, index * 11)
        level = "danger" if tenths >= 1000 else "warning" if tenths >= 800 else ""
        key, text = html.escape(f"tenant:{name}"), html.escape(name)
        # The first row changes with each request, the others only when the test says so.
        requests = self.fetches if index == 0 else 7
        return f"""<tr data-row="{key}" class="{level}">
          <td><input type="checkbox" name="id" form="bulk" value="{key}" aria-label="{text}"></td>
          <td data-live="{key} name"><a href="/scopes/{urllib.parse.quote(name, safe="")}"><bdi>{text}</bdi></a></td>
          <td class="number" data-live="{key} requests">{requests}</td>
          <td class="number" data-live="{key} cost">{tenths}.00</td>
          <td class="number usage-cell {level}" data-live="{key} usage">{tenths / 10:.1f} %{" " + level if level else ""}{bar(tenths)}</td>
          <td class="number" data-live="{key} limit">100</td>
          <td class="nowrap" data-live="{key} resets"><span class="muted">at <time>00:00</time></span></td>
          <td data-live="{key} change"><details><summary>Set limit</summary><form class="inline" method="post" action="/limits">
            <label>Limit<input name="max-{index}" inputmode="numeric" data-rule="whole" data-max="9000000000000000"
              data-message="Limit: expected a positive whole number." aria-describedby="e-{index}-error"></label>
            <span class="field-error" id="e-{index}-error"></span><button>Set</button></form></details></td></tr>"""

    def _alerts(self):
        rows = "".join(
            f"""<tr data-row="{html.escape(name)}"><td data-live="{html.escape(name)} a"><a href="/scopes/x"><bdi class="id">{html.escape(name)}</bdi></a></td>
            <td data-live="{html.escape(name)} b"><span class="badge {kind}">{kind}</span> <span class="muted">3 min</span></td></tr>"""
            for name, kind in zip(HOSTILE, ["warning", "critical", "exceeded", "resolved", "acknowledged", "shadow", "enforce", "dead", "ready", "ok"]))
        return f"""<div class="columns"><div><section class="panel"><h2>Alerts</h2><div class="table-box"><table><thead><tr><th>Scope</th><th>Severity</th></tr></thead>
        <tbody data-rows="alerts">{rows}</tbody></table></div></section></div>
        <div><section class="panel"><h2>By hand</h2><p class="warning">80.0 %</p><p class="danger">100.0 %</p><p class="muted">No Limit</p>
        <p class="note">A note with <a href="/plain">a link</a></p><p class="empty">Nothing here yet</p></section></div></div>"""


def page(name, refresh, body, as_of=0):
    """Returns a page with the frame of the dashboard."""
    attribute = f' data-refresh="{refresh}"' if refresh else ""
    clock = f"14:{as_of // 60 % 60:02}:{as_of % 60:02}"
    return f"""<!DOCTYPE html>
<html lang="en"{attribute} data-page="{name}"><head><meta charset="utf-8"><title>Sample · Tollgate</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/dashboard.css">
<script src="/dashboard.js" defer></script></head><body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><a class="brand" href="/">Tollgate</a><nav aria-label="Pages"><ul><li><a href="/" aria-current="page">Overview</a></li>
{"".join(f'<li><a href="/plain">{each}</a></li>' for each in ["Usage", "New scope", "Alerts", "Analytics", "Providers", "Tiers", "Assignments", "Overrides", "Who", "Audit", "Deliveries", "Policy", "System"])}</ul></nav>
<form class="user" method="post" action="/sign-out"><span>Ada <span class="badge">admin</span></span> <button class="plain">Sign out</button></form></header>
<main id="main"><div class="heading"><h1>Sample</h1><div class="status-line"><p id="as-of" data-live="as-of">As of <time datetime="2026-11-30T{clock}Z" title="2026-11-30 {clock} UTC">{clock}</time>, Europe/Berlin</p>
<p id="stale" role="status" hidden></p><button type="button" id="refresh-now" hidden>Refresh</button>
<button type="button" id="refresh-pause" aria-pressed="false" hidden>Pause</button></div></div>
{body}</main></body></html>"""


def bar(tenths):
    """Returns a bar of usage."""
    return f"""<svg class="bar" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
    <rect class="track" width="100" height="6"/><rect class="fill" width="{min(tenths, 1000) / 10}" height="6"/></svg>"""


def cards(count):
    """Returns cards with a number each."""
    return '<section class="cards">' + "".join(
        f'<div class="card {level}" data-live="card {label}"><p class="label">{label}</p><p class="value">{value}</p><p class="note">{note}</p></div>'
        for label, value, note, level in [
            ("Cost today, USD", "12.40", "of 100.00", ""), ("Cost this month, USD", "81.00", "81.0 % of 100.00", "warning"),
            ("Requests a minute", count, "in the last minute", ""), ("Denied a minute", "3", "100.0 %", "danger")]) + "</section>"


def field(name, rule, message, more):
    """Returns a form with one field of a rule."""
    return f"""<form method="post" action="/set" id="form-{name}"><div class="field"><label for="{name}">{name}</label>
    <input id="{name}" name="{name}" data-rule="{rule}" {more} data-message="{message}" aria-describedby="{name}-error">
    <span class="field-error" id="{name}-error"></span></div><button class="primary">Set limit</button></form>"""


def chart():
    """Returns a chart of stacked bars with its legend."""
    marks = "".join(
        f'<rect class="{name}" x="{40 + day * 22}" y="{180 - series * 18}" width="18" height="18" data-tip="{day + 1} Nov · {name} · {series}.20 USD"><title>{day + 1} Nov</title></rect>'
        for day in range(30) for series, name in enumerate(["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "so"]))
    legend = "".join(
        f'<li><span class="swatch {name}"></span>{name} 3.20</li>' for name in ["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "so"])
    return f"""<section class="panel" data-live="chart"><h2>Cost by day</h2><figure class="chart-figure"><svg class="chart" viewBox="0 0 720 240" role="img" aria-labelledby="c-title c-desc">
    <title id="c-title">Cost by day</title><desc id="c-desc">30 days</desc><line x1="40" x2="700" y1="198" y2="198"/><line class="limit" x1="40" x2="700" y1="60" y2="60"/>
    <text class="axis" x="4" y="200">0</text><text class="axis" x="40" y="216">1 Nov</text>{marks}<polyline class="s1" points="40,50 200,30 700,40"/></svg>
    <ul class="legend">{legend}</ul></figure><svg class="sparkline" viewBox="0 0 100 20" aria-hidden="true"><polyline class="s1" points="0,10 100,2"/></svg></section>"""


NOTICES = """<p class="notice ok" role="status">The limit is set. <a href="/plain">Show</a></p><p class="notice error" role="alert">The limit was not set. <a href="/plain">Why</a></p>
<p class="notice warning">Somebody else has changed it.</p>"""

TABS = """<nav class="tabs" aria-label="Kinds"><ul><li><a href="?kind=user">Users</a></li>
<li><a href="?kind=tenant" aria-current="page">Tenants</a></li><li><a href="?kind=tool">Tools</a></li></ul></nav>"""

TOOLBAR = """<form class="toolbar" method="get" action="/" role="search"><label class="grow">Search<input type="search" name="prefix" placeholder="Prefix of the id"></label>
<label>Meter<select name="meter"><option>tokens</option><option>cost</option></select></label><button>Search</button><a class="button" href="/plain">CSV</a>
<button type="button" disabled>Not now</button></form><p class="pages"><span>1–100 of 10 000</span><a href="/plain" rel="next">Next</a></p>"""

FIELDS = '<section class="panel narrow"><h2>Limits</h2>' + "".join([
    field("whole", "whole", "Limit: expected a positive whole number.", 'data-max="9000000000000000"'),
    field("money-9", "money", "Limit: expected an amount.", 'data-decimals="9" data-max="9000000"'),
    field("money-2", "money", "Limit: expected an amount.", 'data-decimals="2" data-max="90000000000000"'),
    field("money-0", "money", "Limit: expected an amount.", 'data-decimals="0" data-max="9000000000000000"'),
]) + """<form method="post" action="/reset"><label>Type the scope's name to confirm<input name="confirm"></label><label>Reason<textarea name="reason"></textarea></label>
<button class="danger">Reset</button></form></section>"""

LOOKUP = """<section class="panel narrow"><h2>New scope</h2><form method="post" action="/scopes" id="new" data-lookup="/scopes/lookup">
<label>Kind<select name="kind"><option>tenant</option><option>team</option></select></label><label>Id<input name="id" autocomplete="off"></label>
<p class="lookup" role="status" data-lookup-answer></p><fieldset data-when="new" hidden><label>Limit<input name="max"></label></fieldset><button class="primary">Create</button></form></section>"""

DETAILS = """<section class="panel"><h2>Details</h2><dl class="terms"><dt>Source</dt><dd>tier <code>basic</code></dd><dt>Mode</dt><dd>enforce</dd></dl></section>"""

CODE = """<section class="code" tabindex="0" aria-label="The policy"><ol><li>defaults:</li><li id="L2">  user: { requests: { 1m: 20 } }</li><li class="danger">  tool: broken</li>
<li class="warning">  team: odd</li></ol></section>"""

DIFF = """<div class="diff"><section><h2>Yours</h2><pre>requests: 20
<del>cost: 5</del></pre></section><section><h2>Now</h2><pre>requests: 20
<ins>cost: 7</ins></pre></section></div>"""
