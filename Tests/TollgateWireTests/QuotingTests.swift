import NIOCore
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateWire

@Suite struct QuotingTests {
    private func randomText(_ generator: inout SeededGenerator) -> String {
        var text = String.UnicodeScalarView()
        var bytes = 0
        let length = Int.random(in: 1...60, using: &generator)
        while text.count < length {
            let largest: UInt32 = [0x7F, 0xFF, 0xFFFF, 0x10FFFF].randomElement(using: &generator) ?? 0x7F
            guard let scalar = Unicode.Scalar(UInt32.random(in: 0x20...largest, using: &generator)),
                scalar.properties.generalCategory != .control
            else { continue }
            bytes += scalar.utf8.count
            guard bytes <= ScopeID.maxLength else { break }
            text.append(scalar)
        }
        return String(text)
    }

    @Test("random ids survive a line and RESP", arguments: 1...10)
    func requests(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let parts = ["user", "tool"].map { Scope.Part(kind: $0, id: randomText(&generator)) }
            var line = ByteBuffer()
            RequestWriter.write(.check, scopes: parts, amounts: Amounts(cost: 1), to: &line)
            let request = try #require(read([Array(line.readableBytesView)]).first?.request)
            #expect(request.scopes == parts)
            #expect(try request.scopeTexts == parts.map { try Scope(parts: [$0]).description })
            // A RESP word is taken as it is, with any quotes.
            let words = parts.map { "\($0.kind)=\($0.id)" }
            #expect(read([frame(["CHECK"] + words)]).first?.request?.scopes == parts)
        }
    }

    @Test("random limits are parsed back from a reply", arguments: 1...10)
    func replies(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<200 {
            let limit = randomText(&generator)
            var out = ByteBuffer()
            out.writeString("DENY")
            out.writeField("limit") { $0.writeString(limit) }
            let reply = try out.withUnsafeReadableBytes { bytes in try ReplyParser.parse(bytes) }
            guard case .decision(let decision) = reply else {
                Issue.record("no decision: \(reply)")
                continue
            }
            #expect(decision.limit.map { Array($0.utf8) } == Array(limit.utf8))
        }
    }
}
