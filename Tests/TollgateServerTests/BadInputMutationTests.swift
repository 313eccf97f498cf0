import Foundation
import Testing
import TollgateCore
import TollgateTestSupport

/// Valid requests with random mutations, sent to a live sidecar.
@Suite struct BadInputMutationTests {
    static let policy = "defaults: { user: { requests: { total: 9000000 } }, tool: { cost: { day: 5 } } }"

    static let lines = [
        "PING", "CHECK user=alice tool=search provider=openai", "PEEK user=\"Alice B\" requests=3 tokens=5",
        "RECORD user=alice input_tokens=3 output_tokens=4 cost=0.25", "REFUND user=alice tokens=1 cost=0.1",
        "USAGE scope=user:alice+tool:search", "INFO", "STATUS", "HELP", "AUTH secret",
        "CHECK user=a email=a@example.com roles=x,y",
    ]

    static func mutated(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
            let place = bytes.indices.randomElement(using: &random) ?? 0
            switch Int.random(in: 0..<5, using: &random) {
            case 0: bytes[place] = .random(in: .min ... .max, using: &random)
            case 1: bytes.insert(.random(in: .min ... .max, using: &random), at: place)
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(contentsOf: bytes[place...].prefix(8), at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }

    /// Returns a line without its end that is neither blank nor the beginning of RESP.
    static func mutatedLine(_ random: inout SeededGenerator) -> [UInt8] {
        while true {
            let line = mutated(Array(lines.randomElement(using: &random)!.utf8), &random)
            let isBlank = (line.last == 0x0D ? line.dropLast() : line[...]).allSatisfy { $0 == 0x20 }
            if !isBlank, line.first != UInt8(ascii: "*"), !line.contains(0x0A) { return line }
        }
    }

    @Test(
        "each of 6000 mutated lines gets exactly one reply, and other clients are not affected", arguments: [1, 2, 3])
    func lines(seed: UInt64) async throws {
        try await withServer(policy: Self.policy) { harness in
            let bystander = try Bystander(harness)
            var random = SeededGenerator(seed: seed)
            for _ in 0..<20 {
                let sent = (0..<100).map { _ in Self.mutatedLine(&random) }
                let client = try harness.client()
                try await client.send(Array(sent.joined(separator: [0x0A])) + [0x0A])
                client.finishSending()
                let replies = String(decoding: try await client.readToEnd(), as: UTF8.self)
                    .split(separator: "\n", omittingEmptySubsequences: false).dropLast()
                #expect(replies.count == sent.count)
                for (line, reply) in zip(sent, replies) {
                    #expect(Self.isReply(reply), "\(reply) to \(String(decoding: line, as: UTF8.self))")
                }
            }
            #expect(try await bystander.stop() > 0)
        }
    }

    private static func isReply(_ text: Substring) -> Bool {
        if text.hasPrefix("ERR internal") { return false }
        return ["ALLOW", "DENY ", "OK", "PONG", "{", "ERR "].contains { text.hasPrefix($0) }
    }

    @Test("mutated frames get replies or end the connection, and other clients are not affected")
    func frames() async throws {
        try await withServer(policy: Self.policy) { harness in
            let bystander = try Bystander(harness)
            var random = SeededGenerator(seed: 4)
            for _ in 0..<400 {
                let words = Self.lines.randomElement(using: &random)!.split(separator: " ").map(String.init)
                let frame =
                    Array("*\(words.count)\r\n".utf8) + words.flatMap { Array("$\($0.utf8.count)\r\n\($0)\r\n".utf8) }
                let client = try harness.client()
                try await client.send(resp("PING") + Self.mutated(frame, &random) + frame)
                client.finishSending()
                let replies = String(decoding: try await client.readToEnd(), as: UTF8.self)
                #expect(replies.hasPrefix("+PONG\r\n"))
                #expect(replies.hasSuffix("\r\n"))
                #expect(!replies.contains("ERR internal"))
            }
            #expect(try await bystander.stop() > 0)
        }
    }
}
