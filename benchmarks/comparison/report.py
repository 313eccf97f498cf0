"""The results as Markdown, which is also what a person reads in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter

from .generator import Run
from .independent import SIDECAR, IndependentResult
from .memory import MemoryResult
from .pairs import DIRECT, OPPONENTS, PairResult
from .peak import PeakResult
from .peers import PeerResult
from .replay import ReplayResult
from .results import Results
from .spread import Spread

Row = Sequence[str]

SPEED, P50, P99 = attrgetter("requests_per_second"), attrgetter("p50"), attrgetter("p99")


def render_table(head: Row, rows: Sequence[Row]) -> str:
    """Columns padded, so that it reads as it is."""
    lines = [head, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    texts = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([texts[0], rule, *texts[1:]])


def render_targets(results: Results) -> str:
    if not results.targets:
        return ""
    rows = [
        (target.name, target.bound_text, target.measured.text(2, target.unit), target.verdict)
        for target in results.targets
    ]
    return render_table(("target", "bound", "measured", ""), rows)


def render_section(results: Results, command: str) -> str:
    """A section for benchmarks/README.md: the verdict first."""
    return join(render_head(results, command), render_targets(results), render_details(results)) + "\n"


def render_for_terminal(results: Results, command: str) -> str:
    """The same with the verdict last, where it is seen."""
    return join(render_head(results, command), render_details(results), render_targets(results))


def join(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


def render_head(results: Results, command: str) -> str:
    machine = ", ".join(str(value) for value in results.machine.values())
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    rounds = f"{results.rounds} round{'' if results.rounds == 1 else 's'} of {results.seconds:g} s"
    return join(
        f"### {results.date}",
        f"{machine}. {versions}.",
        f"`{command}`: {rounds}. What is given is the median, and the least … most of the rounds.",
    )


def render_details(results: Results) -> str:
    return join(
        *(render_opponent(results, opponent) for opponent in OPPONENTS),
        render_peak(results.peak) if results.peak else "",
        render_replay(results.replay) if results.replay else "",
        render_memory(results.memory) if results.memory else "",
        render_independent(results.independent) if results.independent else "",
        render_peers(results.peers) if results.peers else "",
        "\n".join(f"- {note}" for note in results.notes),
    )


def render_opponent(results: Results, opponent: str) -> str:
    pairs = results.pairs_against(opponent)
    if not pairs:
        return ""
    generator = "tollgate bench" if opponent == DIRECT else "load.py"
    title = f"#### Against {opponent}\n\nThe sidecar beside {opponent}; `{generator}` asks both sides."
    return join(title, render_pairs(pairs), render_costs(pairs))


def render_pairs(pairs: list[PairResult]) -> str:
    rows = []
    for result in pairs:
        for side, of in sides_of(result):
            rows.append((result.pair.name, side, of(SPEED).text(0), of(P50).text(3), of(P99).text(3)))
        rows.append(("", "ratio", result.ratio(SPEED).text(), result.ratio(P50).text(), result.ratio(P99).text()))
    head = ("pair", "side", "requests/s", "p50 ms", "p99 ms")
    loads = "\n".join(f"- {result.pair.name}: {describe_load(result)}" for result in pairs)
    return f"{render_table(head, rows)}\n\n{loads}"


def sides_of(result: PairResult) -> list[tuple[str, Callable[[Callable[[Run], float]], Spread]]]:
    return [("sidecar", result.of_sidecar), (result.opponent, result.of_other)]


def describe_load(result: PairResult) -> str:
    rate = result.pair.load.rate
    return result.pair.what + (f", {rate:,} requests/s" if rate else "")


def render_costs(pairs: list[PairResult]) -> str:
    rows = []
    for result in pairs:
        for side, of in sides_of(result):
            rows.append(
                (
                    result.pair.name,
                    side,
                    of(lambda run: run.sidecar_cpu_us).text(2) if side == "sidecar" else "",
                    of(lambda run: run.script_us).text(2),
                    of(lambda run: run.redis_cpu_us).text(2),
                    of(lambda run: run.generator_cpu_us).text(2),
                    of(lambda run: run.batch).text(1),
                    str(int(sum(of(lambda run: run.forks).values))),
                    str(int(sum(of(lambda run: run.faults).values))),
                )
            )
    head = ("pair", "side", "sidecar", "script calls", "redis-server", "generator", "batch", "rewrites", "faults")
    return (
        "In µs a request: processor time of the sidecar; time in script calls, by INFO commandstats; processor time of "
        "all of redis-server, and of the generator. Requests in a script call; how often, over all rounds, Redis began "
        "to rewrite its file; replies other than ALLOW or OK.\n\n" + render_table(head, rows)
    )


def render_peak(peak: PeakResult) -> str:
    speed = Spread([run.requests_per_second for run in peak.runs])
    p50 = Spread([run.p50 for run in peak.runs])
    row = (f"{peak.rate:,}/s", speed.text(0), p50.text(3), peak.p99.text(3), str(peak.faults))
    return render_table(("open loop at handwritten's peak", "answered/s", "p50 ms", "p99 ms", "faults"), [row])


def render_replay(replay: ReplayResult) -> str:
    row = ("100 000 RECORDs", Spread(replay.first).text(2), Spread(replay.seconds).text(2))
    return render_table(("replay", "s until it begins", "s until the journal is empty"), [row])


def render_memory(memory: MemoryResult) -> str:
    rows = [
        ("sidecar, idle", f"{memory.idle_megabytes:.1f} MB", ""),
        ("100 000 users have passed", f"{memory.cached_megabytes:.1f} MB", f"{memory.cached_scopes:,} scopes cached"),
        ("and 400 000 others", f"{memory.passed_megabytes:.1f} MB", f"{memory.passed_scopes:,} scopes cached"),
    ]
    names = {"decisions": "what decisions need of it", "day": "its day", "month": "its month"}
    for name, size in memory.redis_bytes.items():
        rows.append((f"Redis, a user: {names[name]}", f"{size:.0f} bytes", "MEMORY USAGE"))
    return render_table(("memory", "", ""), rows)


def render_independent(results: list[IndependentResult]) -> str:
    rows = []
    for result in results:
        for name, side in result.sides.items():
            ratios = ("", "", "")
            if name != SIDECAR:
                ratios = (result.ratio(name).text(2), result.p50_ratio(name).text(2), result.p99_ratio(name).text(2))
            rows.append(
                (result.shape.name, name, median(side.rates), median(side.p50, 3), median(side.p99, 3), *ratios)
            )
    head = ("redis-benchmark", "side", "requests/s", "p50 ms", "p99 ms", "sidecar over it", "its p50", "its p99")
    return render_table(head, rows)


def median(values: list[float], digits: int = 0) -> str:
    return f"{Spread(values).median:,.{digits}f}"


def render_peers(peers: list[PeerResult]) -> str:
    rows = [(peer.name, peer.checks_per_second.text(0), peer.p50.text(3), peer.ratio.text(2)) for peer in peers]
    head = ("one Python process, 100 users", "checks/s", "p50 ms", "tollgate over this")
    return render_table(head, rows)
