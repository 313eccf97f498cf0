import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateServer
import TollgateTestSupport
import TollgateWire

/// The sidecar's part of a CHECK without sockets and Redis, to be run under a tool that counts instructions: a line is parsed, its
/// scopes are resolved, it joins a batch, the batch is encoded, Redis's reply is decoded, and the answer is written.
///
/// The mix is that of the micro-benchmarks: six sliding limits a CHECK, 1000 users, 20 tools, 4 providers, all scopes known.
package struct CheckInstructions {
    private static let policy = """
        history: [user, tool, provider]
        defaults:
          user: { requests: { 1m: 1000000000, 1h: 1000000000, 24h: 1000000000 } }
          tool: { requests: { 1m: 1000000000, 1h: 1000000000 } }
          provider: { requests: { 1m: 1000000000 } }
        """
    private static let users = 1_000
    private static let checksInBatch = 125
    /// Unix ms. Any time will do.
    private static let now: Int64 = 1_800_000_000_000

    private let keySpace = KeySpace(namespace: "tollgate")
    private let reply = Self.reply()
    private var resolver: ScopeResolver
    private var reader = RequestReader()
    private var lines: ByteBuffer
    private var plans: [ScopePlan] = []
    private var batchNumber = 0

    /// Makes the lines, and the plans of all of their scopes.
    package init() throws {
        let policy = try Policy(yaml: Self.policy, file: "instructions.yaml").merged(with: SharedPolicy())
        resolver = ScopeResolver(cache: ScopePlanCache(policy: policy, keySpace: keySpace))
        let texts = (0..<Self.users).map { "CHECK user=u\($0) tool=t\($0 % 20) provider=p\($0 % 4)\n" }
        lines = ByteBuffer(string: texts.joined())
        try run(Self.users)
    }

    /// Carries out so many CHECKs, rounded up to whole batches. Throws `TestFailure` where one is not answered with an ALLOW.
    package mutating func run(_ checks: Int) throws {
        for _ in 0..<(checks + Self.checksInBatch - 1) / Self.checksInBatch { try runBatch() }
    }

    private mutating func runBatch() throws {
        batchNumber += 1
        var encoder = BatchEncoder(number: batchNumber, keySpace: keySpace)
        for _ in 0..<Self.checksInBatch { try append(to: &encoder) }
        guard encoder.arguments(at: Self.now).count > 0, var answers = BatchReply(reply, plans: encoder.plans) else {
            throw TestFailure("a batch is encoded, and its reply can be read")
        }
        var output = ByteBuffer()
        for _ in 0..<Self.checksInBatch {
            guard let answer = answers.next() else { throw TestFailure("a reply has an answer to each CHECK") }
            DecisionText.write(answer, to: &output)
        }
        guard output.readableBytesView.starts(with: "ALLOW limit=".utf8) else {
            throw TestFailure("a reply is an ALLOW")
        }
    }

    private mutating func append(to encoder: inout BatchEncoder) throws {
        if lines.readableBytes == 0 { lines.moveReaderIndex(to: 0) }
        guard case .request = reader.next(from: &lines) else { throw TestFailure("every line is a request") }
        let names = ScopeResolver.Names(fields: reader.request.scopes)
        guard resolver.resolve(names, of: reader.request.bytes, into: &plans) else {
            throw TestFailure("every scope is known")
        }
        encoder.append(.check, Amounts(requests: 1), on: plans)
    }

    /// As batch.lua packs it: status, time; for each CHECK the outcome, the place of a scope and of its limit, what is used of that,
    /// and the ms until nothing of it counts any more.
    private static func reply() -> ByteBuffer {
        var bytes = ByteBuffer(bytes: [0xdd])
        bytes.writeInteger(UInt32(2 + 5 * checksInBatch))
        bytes.writeBytes([1, 0xcf])
        bytes.writeInteger(now)
        for place in 1...UInt8(checksInBatch) {
            bytes.writeBytes([1, place, 1, 0xcd])
            bytes.writeInteger(UInt16(place) * 100)
            bytes.writeInteger(UInt8(0xcd))
            bytes.writeInteger(UInt16(61_940))
        }
        return bytes
    }
}
