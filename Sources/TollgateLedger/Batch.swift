import NIOCore
import TollgateCore

/// Operations that go to Redis together. Holds them encoded, and each distinct scope and limit set once. Owned by one event
/// loop.
final class Batch {
    /// A batch closes at so many operations.
    static let capacity = 512

    struct Entry {
        var owner: any OperationOwner
        var ticket: Int
        var verb: OperationVerb
        var failsClosed: Bool
    }

    struct UsageRequest {
        var plan: ScopePlan
        var completion: (Result<ScopeUsage, LedgerFailure>) -> Void
    }

    let number: Int
    /// Past it the operations are answered without Redis.
    let deadline: NIODeadline
    /// The operations have been answered; what was asked of usage is being read.
    var isReadingUsage = false
    /// Readings of usage that have not come to an end.
    var openReads = 0
    private(set) var entries: [Entry] = []
    private(set) var plans: [ScopePlan] = []
    private var sets: [LimitSet] = []
    /// Sent when the operations before them have been answered.
    var usageRequests: [UsageRequest] = []
    /// How often it has been sent again because the sidecar's idea of the time was off.
    var resent = 0

    private var keys = ByteBuffer()
    private var scopes = ByteBuffer()
    private var operations = ByteBuffer()
    private var operationItems = 0

    init(number: Int, deadline: NIODeadline) {
        self.number = number
        self.deadline = deadline
    }

    /// A reading of usage is a call of its own, and weighs as many operations as take Redis about as long.
    var isFull: Bool { entries.count + Self.weightOfUsage * usageRequests.count >= Self.capacity }

    private static let weightOfUsage = 8

    /// Adds an operation on scopes whose plans are not inert.
    func append(
        _ verb: OperationVerb, _ amounts: Amounts, on scopes: [ScopePlan], for owner: any OperationOwner, ticket: Int
    ) {
        var failsClosed = false
        operations.writeInteger(verb.rawValue)
        writeAmounts(amounts)
        operations.writeMessagePack(Int64(scopes.count))
        for plan in scopes {
            if plan.batchNumber != number { add(plan) }
            operations.writeMessagePack(Int64(plan.batchPlace))
            failsClosed = failsClosed || plan.set.failsClosed
        }
        operationItems += 2 + scopes.count
        entries.append(Entry(owner: owner, ticket: ticket, verb: verb, failsClosed: failsClosed))
    }

    private func writeAmounts(_ amounts: Amounts) {
        let countIndex = operations.writerIndex
        operations.writeInteger(UInt8(0))
        var count: UInt8 = 0
        func write(_ meter: Meter, _ amount: Int64?) {
            guard let amount else { return }
            operations.writeInteger(meter.rawValue)
            operations.writeMessagePack(amount)
            count += 1
        }
        write(.requests, amounts.requests)
        write(.tokens, amounts.allTokens)
        write(.inputTokens, amounts.inputTokens)
        write(.outputTokens, amounts.outputTokens)
        write(.cost, amounts.cost)
        operations.setInteger(count, at: countIndex)
        operationItems += 1 + 2 * Int(count)
    }

    private func add(_ plan: ScopePlan) {
        plans.append(plan)
        plan.batchNumber = number
        plan.batchPlace = plans.count
        if plan.set.batchNumber != number {
            sets.append(plan.set)
            plan.set.batchNumber = number
            plan.set.batchPlace = sets.count
        }
        keys.writeBytes(plan.key)
        scopes.writeMessagePack(Int64(plan.set.batchPlace))
        scopes.writeBytes(plan.label)
    }

    /// The EVALSHA that applies the batch, for a Redis clock of so many Unix ms; with `fixedClock` the script takes that for
    /// the time.
    func command(sha: String, at now: Int64, fixedClock: Int64?, allocator: ByteBufferAllocator) -> ByteBuffer {
        var head = allocator.buffer(capacity: 1_024)
        head.writeMessagePack(fixedClock ?? 0)
        head.writeMessagePack(arrayOf: sets.count)
        for set in sets {
            var encoding = set.encoding(at: now)
            head.writeBuffer(&encoding)
        }
        head.writeMessagePack(arrayOf: plans.count * 2)
        var operationsHead = allocator.buffer(capacity: 8)
        operationsHead.writeMessagePack(arrayOf: operationItems)

        let parts = [head, scopes, operationsHead, operations]
        let length = parts.reduce(0) { $0 + $1.readableBytes }
        var command = allocator.buffer(capacity: length + keys.readableBytes + 128)
        command.writeString("*\(plans.count + 4)\r\n$7\r\nEVALSHA\r\n$\(sha.utf8.count)\r\n\(sha)\r\n")
        let keyCount = String(plans.count)
        command.writeString("$\(keyCount.utf8.count)\r\n\(keyCount)\r\n")
        command.writeImmutableBuffer(keys)
        command.writeString("$\(length)\r\n")
        for part in parts { command.writeImmutableBuffer(part) }
        command.writeString("\r\n")
        return command
    }
}
