"""The results as Markdown, which is also what a person reads in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from .independent import IndependentResult
from .memory import MemoryResult
from .pairs import PairResult
from .peers import PeerResult
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
        render_pairs(results.pairs) if results.pairs else "",
        render_costs(results.pairs) if results.pairs else "",
        render_memory(results.memory) if results.memory else "",
        render_independent(results.independent) if results.independent else "",
        render_peers(results.peers) if results.peers else "",
        "\n".join(f"- {note}" for note in results.notes),
    )


def render_pairs(pairs: list[PairResult]) -> str:
    rows = []
    for result in pairs:
        for side, of in (("sidecar", result.of_sidecar), ("direct", result.of_direct)):
            rows.append((result.pair.name, side, of(SPEED).text(0), of(P50).text(3), of(P99).text(3)))
        rows.append(("", "ratio", result.ratio(SPEED).text(), result.ratio(P50).text(), result.ratio(P99).text()))
    head = ("pair", "side", "requests/s", "p50 ms", "p99 ms")
    loads = "\n".join(f"- {result.pair.name}: {describe_load(result)}" for result in pairs)
    return f"{render_table(head, rows)}\n\n{loads}"


def describe_load(result: PairResult) -> str:
    rate = result.pair.load.rate
    return result.pair.what + (f", {rate:,} requests/s" if rate else "")


def render_costs(pairs: list[PairResult]) -> str:
    rows = []
    for result in pairs:
        for side, of in (("sidecar", result.of_sidecar), ("direct", result.of_direct)):
            rows.append(
                (
                    result.pair.name,
                    side,
                    of(lambda run: run.sidecar_cpu_us).text(2) if side == "sidecar" else "",
                    of(lambda run: run.redis_cpu_us).text(2),
                    of(lambda run: run.generator_cpu_us).text(2),
                    of(lambda run: run.batch).text(1),
                    str(int(sum(of(lambda run: run.forks).values))),
                    str(int(sum(of(lambda run: run.faults).values))),
                )
            )
    head = ("pair", "side", "sidecar", "redis-server", "generator", "batch", "rewrites", "faults")
    return (
        "Processor time in µs a request; requests in a script call; how often, over all rounds, Redis began to rewrite "
        "its file; replies other than ALLOW or OK.\n\n" + render_table(head, rows)
    )


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
    rows = [
        (
            result.shape.name,
            f"{median(result.sidecar)} ({median(result.sidecar_p50, 3)} ms)",
            f"{median(result.direct)} ({median(result.direct_p50, 3)} ms)",
            result.ratio.text(2),
        )
        for result in results
    ]
    return render_table(("redis-benchmark", "sidecar, CHECK/s (p50)", "direct, EVALSHA/s (p50)", "ratio"), rows)


def median(values: list[float], digits: int = 0) -> str:
    return f"{Spread(values).median:,.{digits}f}"


def render_peers(peers: list[PeerResult]) -> str:
    rows = [(peer.name, peer.checks_per_second.text(0), peer.p50.text(3), peer.ratio.text(2)) for peer in peers]
    head = ("one Python process, 100 users", "checks/s", "p50 ms", "tollgate over this")
    return render_table(head, rows)
