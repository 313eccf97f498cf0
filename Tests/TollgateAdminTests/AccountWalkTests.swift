import Foundation
import ProviderFake
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateAdmin

/// The walk of the page about accounts, against a fake of the provider whose figures rise between its blocks.
@Suite("The walk through accounts")
struct AccountWalkTests {
    private static let speed: Int64 = 240
    /// The tokens of the billing period that the provider reports before each block of commands, and the threshold of
    /// the alert that is open then; nil for no alert.
    private static let stages: [(tokens: Int64, threshold: Int?)] = [
        (1_000_000, nil), (4_250_000_000, 80), (4_800_000_000, 95), (5_050_000_000, 100), (5_050_000_000, 80),
        (5_050_000_000, nil),
    ]
    /// The tokens of earlier days, by how many days they are ago: ours and the provider's.
    private static let earlier: [(daysAgo: Int64, own: Int64, reported: Int64)] = [
        (3, 100_000, 100_000), (2, 192_000, 200_000),
    ]

    @Test(
        "every command prints the shown output",
        .enabled(if: Python.hasRedis, "needs the Python packages of scripts/test"), .timeLimit(.minutes(3)))
    func walk() async throws {
        let blocks = try PageWalk.blocks(of: "A walk", in: "docs/accounts.md")
        let policy = try #require(blocks.first { $0.first == "accounts:" }).joined(separator: "\n")
        let consoles = blocks.filter { $0.first?.hasPrefix("$ ") == true }
        try #require(consoles.count == Self.stages.count + 1)
        let folder = try TemporaryFolder()
        try folder.write(FakeProvider.credential, to: "key")
        let map = try await Command.run(Python.program, ["-c", Self.mapPath]).output.trimmed
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/model_prices_and_context_window.json", withDestinationPath: map)
        try await run(consoles[0], in: folder, environment: [:])
        let prices = try String(contentsOfFile: folder.path + "/prices.yaml", encoding: .utf8)
        let now = Int64(Date.now.timeIntervalSince1970)
        var books = FakeBooks(now: now + 86_400)
        let today = now / 86_400 * 86_400
        books.usage = [.init(hour: today, uncached: 0, output: 0, requests: 1_000)]
        for day in Self.earlier {
            books.usage.append(
                .init(hour: today - day.daysAgo * 86_400, uncached: 0, output: day.reported, requests: 0))
        }
        try await FakeProvider.with(books) { fake in
            // No billing period ends while the clock of the accounts runs ahead.
            let day = Calendar(identifier: .gregorian).component(.day, from: .now)
            let here = policy.replacing("billing_day: 15", with: "billing_day: \(day > 14 ? day - 13 : day + 14)")
                .replacing(
                    "credential_env: OPENAI_ADMIN_KEY",
                    with: "credential_file: \(folder.path)/key\n    base_url: \(fake.url)")
            let start = try #require(prices.range(of: "\nprices:"))
            try await withAdmin(policy: here + String(prices[start.lowerBound...])) { harness in
                let client = try harness.lineClient()
                for day in Self.earlier {
                    let noon = UTCTime.wholeSeconds(milliseconds: (today - day.daysAgo * 86_400 + 43_200) * 1_000)
                    #expect(try await client.ask("RECORD account=main tokens=\(day.own) at=\(noon)")[0] == "OK")
                }
                try await harness.syncing(speed: Self.speed) {
                    for (console, stage) in zip(consoles.dropFirst(), Self.stages) {
                        fake.change { books in
                            books.usage[0].output = stage.tokens - Self.earlier.reduce(0) { $0 + $1.reported }
                        }
                        try await reach(stage, harness)
                        try await run(console, in: folder, environment: harness.environment)
                    }
                }
                #expect(!harness.log.text.contains(FakeProvider.credential))
            }
        }
    }

    private static let mapPath = """
        import importlib.util
        [folder] = importlib.util.find_spec("litellm").submodule_search_locations
        print(folder + "/model_prices_and_context_window_backup.json")
        """

    /// Waits until the figures of a stage are stored and its alert is open.
    private func reach(_ stage: (tokens: Int64, threshold: Int?), _ harness: AdminHarness) async throws {
        try await eventually {
            let field = try harness.redis.cli("HGET", "tollgate:account:main", "tokens/month.provider")
            guard field.hasPrefix("\(stage.tokens) ") else { return false }
            guard let threshold = stage.threshold else { return true }
            let alerts = try await harness.ask("GET", "/v1/alerts?scope=account:main&state=open")
            return alerts.text.contains(#""threshold":\#(threshold),"#)
        }
    }

    private func run(_ block: [String], in folder: TemporaryFolder, environment: [String: String]) async throws {
        let programs = URL(fileURLWithPath: SidecarProcess.program).deletingLastPathComponent().path
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        for step in PageWalk.steps(of: block) {
            let command = try await Command.run(
                "/bin/bash", ["-c", "exec 2>&1\n" + step.command], workingFolder: folder.path,
                environment: environment.merging(["PATH": "\(programs):\(path)", "LC_ALL": "C.UTF-8"]) { $1 })
            let came = PageWalk.lines(of: command.output)
            let shown = step.shown.map(PageWalk.settled)
            #expect(PageWalk.matches(came[...], shown[...]), "$ \(step.command)\n\(command.output)")
        }
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespacesAndNewlines) }
}
