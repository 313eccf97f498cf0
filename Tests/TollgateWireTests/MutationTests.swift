import NIOCore
import Testing
import TollgateCore
import TollgateTestSupport

@testable import TollgateWire

@Suite struct MutationTests {
    private static let lines: [[UInt8]] = [
        "CHECK user=alice tool=search provider=openai requests=2 cost=0.25\n",
        "peek user=\"Alice \\u00e9 \\ud83d\\ude00\" tokens=100\r\n",
        "RECORD user=bob+x input_tokens=10 output_tokens=20 id=r-1 roles=a,b email=a@b.c\n",
        "REFUND tenant=é requests=0\n", "USAGE scope=user:a+tool:b\n", "AUTH s3cret\n", "PING\n", "HELP\n",
        "ALERTS after=1795219201123-0\n",
    ].map { Array($0.utf8) }

    private static let wordLists: [[[UInt8]]] = [
        ["CHECK", "user=Alice B", "tool=search", "requests=2", "cost=0.25"],
        ["RECORD", "user=\"A\\u0042\"", "tokens=5", "id=x"], ["USAGE", "scope=user:a"], ["AUTH", "default", "s3cret"],
        ["SELECT", "0"], ["HELLO", "2"], ["PING", "x"],
    ].map { $0.map { Array($0.utf8) } }

    /// Random bytes. Those that are special to the parsers are more frequent.
    private static let telling = Array(" =\"\\+*$\r\n:,.-019aAuz\0\t\u{7F}é".utf8) + [0x80, 0xC2, 0xED, 0xFF]

    private func mutate(_ bytes: [UInt8], with other: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let byte =
                Bool.random(using: &generator)
                ? Self.telling.randomElement(using: &generator) ?? 0 : UInt8.random(in: 0...255, using: &generator)
            let index = Int.random(in: 0..<max(1, bytes.count), using: &generator)
            switch Int.random(in: 0..<5, using: &generator) {
            case 0 where index < bytes.count: bytes[index] = byte
            case 1: bytes.insert(byte, at: index)
            case 2 where index < bytes.count: bytes.remove(at: index)
            case 3:
                bytes.replaceSubrange(index..., with: other.suffix(Int.random(in: 0...other.count, using: &generator)))
            default:
                let end = Int.random(in: index...bytes.count, using: &generator)
                bytes.insert(contentsOf: bytes[index..<end], at: end)
            }
        }
        return bytes
    }

    private func mutatedLine(_ generator: inout SeededGenerator) throws -> [UInt8] {
        let valid = try #require(Self.lines.randomElement(using: &generator))
        let other = try #require(Self.lines.randomElement(using: &generator))
        // A terminator is added, so that nearly every line is complete.
        return mutate(valid, with: other, &generator) + [UInt8(ascii: "\n")]
    }

    /// Half of the frames are malformed, and half are well-formed frames of odd words.
    private func mutatedFrame(_ generator: inout SeededGenerator) throws -> [UInt8] {
        var words = try #require(Self.wordLists.randomElement(using: &generator))
        let other = try #require(Self.wordLists.randomElement(using: &generator))
        if Bool.random(using: &generator) { return mutate(frame(words), with: frame(other), &generator) }
        let index = Int.random(in: words.indices, using: &generator)
        words[index] = mutate(words[index], with: other[0], &generator)
        return frame(words)
    }

    /// 20 seeds of 2 500 mutations for each protocol: 100 000 in total.
    @Test("mutated requests are rejected, or encode to an equal request", arguments: 1...20, [true, false])
    func mutations(_ seed: UInt64, isLine: Bool) throws {
        var generator = SeededGenerator(seed: seed)
        var requests = 0
        for round in 0..<2_500 {
            let bytes = isLine ? try mutatedLine(&generator) : try mutatedFrame(&generator)
            let events = read([bytes])
            for case .request(let request) in events {
                requests += 1
                try expectRoundTrip(request)
            }
            if round % 25 == 0 { #expect(read(bytes.map { [$0] }) == events) }
        }
        #expect(requests > 250)
    }

    private func expectRoundTrip(_ request: RequestContent) throws {
        guard var line = try request.encoded() else { return }
        var reader = RequestReader()
        guard reader.next(from: &line) == .request else {
            Issue.record("not a request again: \(request)")
            return
        }
        var again = RequestContent(reader.request)
        // A scope is encoded in canonical order, and AUTH without its user.
        if request.scope != nil { again.scope = request.scope }
        if request.verb == .auth { again.arguments = request.arguments }
        if again != request { Issue.record("\(again) is not \(request)") }
    }

    @Test("the errors of mutated requests are one printable line", arguments: 21...24)
    func errors(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<1_000 {
            let bytes = Bool.random(using: &generator) ? try mutatedLine(&generator) : try mutatedFrame(&generator)
            for event in read([bytes]) {
                guard case .refused(let error) = event else { continue }
                for framing in [Framing.line, .resp] {
                    var out = ByteBuffer()
                    framing.writeError(error, to: &out)
                    let text = String(buffer: out)
                    #expect(Array(text.utf8) == Array(out.readableBytesView))
                    let end = framing == .line ? "\n" : "\r\n"
                    #expect(text.hasSuffix(end))
                    let body = text.unicodeScalars.dropLast(end.unicodeScalars.count)
                    #expect(body.allSatisfy { $0.properties.generalCategory != .control })
                }
            }
        }
    }
}
