import NIOCore
import TollgateCore
import TollgateLedger
import TollgatePolicy
import TollgateRedis
import TollgateServer
import TollgateTestSupport
import TollgateWire

/// The sidecar's part of a CHECK without sockets and Redis, for a tool that counts instructions. It parses a line,
/// resolves its scopes, adds it to a batch, encodes the batch, decodes Redis's reply, and writes the answer.
///
/// The load is that of the micro-benchmarks: six sliding limits a CHECK, 1000 users, 20 tools, 4 providers, all scopes
/// known.
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
    /// An arbitrary time that a decision takes, in nanoseconds.
    private static let timeOfDecision: Int64 = 700_000
    /// An arbitrary time in Unix ms.
    private static let now: Int64 = 1_800_000_000_000

    private let keySpace = KeySpace(namespace: "tollgate")
    private let reply = Self.reply()
    private var resolver: ScopeResolver
    private let tally = OperationTally()
    private var reader = RequestReader()
    private var lines: ByteBuffer
    private var plans: [ScopePlan] = []
    private var batchNumber = 0

    /// Creates the lines, and the plans of all of their scopes.
    package init() throws {
        let policy = try Policy(yaml: Self.policy, file: "instructions.yaml").merged(with: SharedPolicy())
        resolver = ScopeResolver(cache: ScopePlanCache(policy: policy, keySpace: keySpace))
        let texts = (0..<Self.users).map { "CHECK user=u\($0) tool=t\($0 % 20) provider=p\($0 % 4)\n" }
        lines = ByteBuffer(string: texts.joined())
        try run(Self.users)
    }

    /// Performs a number of CHECKs, rounded up to whole batches. Throws `TestFailure` for a reply other than ALLOW.
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
            guard let answer = answers.next(to: .check) else {
                throw TestFailure("a reply has an answer to each CHECK")
            }
            tally.decisionTimes.record(Self.timeOfDecision)
            tally.count(answer)
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
        // As RequestHandler does.
        var amounts = reader.request.amounts
        amounts.requests = amounts.requests ?? 1
        encoder.append(.check, amounts, on: plans)
    }

    /// A reply as batch.lua packs it: status and time; for each CHECK the outcome, the indices of a scope and of its
    /// limit, the usage of that limit, and the ms until its window is empty.
    private static func reply() -> ByteBuffer {
        var bytes = ByteBuffer(bytes: [0xdd])
        bytes.writeInteger(UInt32(2 + 5 * checksInBatch))
        bytes.writeBytes([1, 0xcf])
        bytes.writeInteger(now)
        for index in 1...UInt8(checksInBatch) {
            bytes.writeBytes([1, index, 1, 0xcd])
            bytes.writeInteger(UInt16(index) * 100)
            bytes.writeInteger(UInt8(0xcd))
            bytes.writeInteger(UInt16(61_940))
        }
        return bytes
    }
}
