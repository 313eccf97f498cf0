import Foundation
import Testing
import TollgateCore
import TollgatePolicy

@testable import TollgateLedger

/// Tests with the calls of a real LLM service (Azure LLM inference trace 2023, code; CC-BY 4.0), replayed in virtual time.
@Suite struct RealStreamTests {
    static let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../shared/data/azure-llm-code-2023.csv").standardized.path

    struct Call {
        var time: Int64
        var input: Int64
        var output: Int64
    }

    @Test(
        "a real stream against tokens/1m is decided as by the model",
        .enabled(
            if: FileManager.default.fileExists(atPath: path),
            "the stream ../shared/data/azure-llm-code-2023.csv is not beside the project"))
    func replay() async throws {
        let calls = try Self.calls()
        try #require(calls.count == 8_819)
        var policy = Policy()
        policy.defaults[try ScopeKind(parsing: "provider")] = [
            Limit(.tokens, .sliding(seconds: 60), max: 250_000), Limit(.requests, .sliding(seconds: 60), max: 200),
        ]
        let harness = try await LedgerHarness(policy: policy)
        var model = ReferenceLedger(policy: policy)
        var allowed = 0
        for call in calls {
            let amounts = Amounts(requests: 1, inputTokens: call.input)
            let check = try TestOperation.check("provider:azure", amounts: amounts)
            let answer = try await harness.apply(check, at: call.time)
            try #require(answer == model.apply(check, at: call.time), "at \(call.time)")
            guard answer.hasPrefix("ALLOW") else { continue }
            allowed += 1
            let used = Amounts(inputTokens: call.input, outputTokens: call.output)
            let record = try TestOperation.record("provider:azure", amounts: used)
            try #require(try await harness.apply(record, at: call.time) == model.apply(record, at: call.time))
        }
        // The limit denies some requests of this stream, and admits others.
        #expect(allowed > 1_000 && allowed < calls.count - 1_000, "\(allowed)")
        try await harness.stop()
    }

    private static func calls() throws -> [Call] {
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return try text.split(whereSeparator: \.isNewline).dropFirst().map { line in
            let fields = line.split(separator: ",")
            let clock = fields[0].split(separator: " ")[1].split(separator: ":")
            let seconds = clock[2].split(separator: ".")
            let milliseconds = try #require(Int64(seconds[1].prefix(3)))
            let hours = try #require(Int64(clock[0]))
            let minutes = try #require(Int64(clock[1]))
            let time = hours * 3_600 + minutes * 60 + (try #require(Int64(seconds[0])))
            // 2099 instead of 2023, so that nothing expires by Redis's own clock.
            return Call(
                time: 4_098_470_400_000 + time * 1_000 + milliseconds,
                input: try #require(Int64(fields[1])), output: try #require(Int64(fields[2])))
        }
    }
}
