import NIOCore
package import TollgateCore
package import TollgateRedis

/// Writes operations as the batch function takes them (batch.lua), each distinct scope and limit set once. Owned by one event
/// loop, like the plans that it is given.
package struct BatchEncoder {
    private let number: Int
    /// The distinct scopes, in the order of the function's keys.
    package private(set) var plans: [ScopePlan] = []
    /// Whether there is nothing but PEEKs, which change nothing.
    private(set) var onlyPeeks = true
    private(set) var sets: [LimitSet] = []

    private var keys = GrowingBytes(room: 4_096)
    private var scopes = GrowingBytes(room: 512)
    var operations = GrowingBytes(room: 2_048)
    var operationItems = 0
    /// Texts of holds, and their number.
    var texts = ByteBuffer()
    var textCount = 0
    /// The places of the keys of marks, from 1.
    var marks: [IdempotencyKey: Int] = [:]
    var idempotencyKeys = ByteBuffer()
    private let keySpace: KeySpace
    let partition: KeySpace.Partition?
    /// What all keys begin with.
    let prefix: String

    /// `number` is another than that of any batch which the same plans were put into before. All keys are in the partition.
    package init(number: Int, keySpace: KeySpace, partition: KeySpace.Partition? = nil) {
        self.number = number
        self.keySpace = keySpace
        self.partition = partition
        prefix = keySpace.prefix(of: partition)
    }

    /// Adds an operation on scopes, without the inert ones but where it settles a reservation.
    package mutating func append(
        _ verb: OperationVerb, _ amounts: Amounts, on scopes: [ScopePlan], terms: OperationTerms? = nil,
        times: OperationTimes = OperationTimes()
    ) {
        if verb != .peek { onlyPeeks = false }
        let hasTerms = terms != nil || times.usedAt != nil
        for plan in scopes where plan.batchNumber != number { add(plan) }
        let longest = MessagePackWriter.maxIntegerLength * (Self.maxItemsWithoutScopes + scopes.count)
        operations.writeMessagePack(atMost: longest) { writer in
            if verb == .check, amounts.areOneRequest {
                writer.write(Self.plainCheck)
                operationItems += 2 + scopes.count
            } else {
                writer.write(Self.word(for: verb, hasTerms: hasTerms))
                operationItems += 3 + scopes.count + Self.write(amounts, to: &writer)
            }
            writer.write(Int64(scopes.count))
            for plan in scopes { writer.write(Int64(plan.batchPlace)) }
        }
        if hasTerms { append(terms, times, of: verb, on: scopes) }
    }

    /// Verb, count of amounts, five meters with an amount each, count of scopes.
    private static let maxItemsWithoutScopes = 13
    /// The script's word for a CHECK of one request that names no other amount.
    static let plainCheck: Int64 = 0

    /// Returns how many items the named amounts are.
    private static func write(_ amounts: Amounts, to writer: inout MessagePackWriter) -> Int {
        let tokens = amounts.allTokens
        func one(_ amount: Int64?) -> Int { amount == nil ? 0 : 1 }
        let count =
            one(amounts.requests) + one(tokens) + one(amounts.inputTokens) + one(amounts.outputTokens)
            + one(amounts.cost)
        writer.write(Int64(count))
        func write(_ meter: Meter, _ amount: Int64?) {
            guard let amount else { return }
            writer.write(Int64(meter.rawValue))
            writer.write(amount)
        }
        write(.requests, amounts.requests)
        write(.tokens, tokens)
        write(.inputTokens, amounts.inputTokens)
        write(.outputTokens, amounts.outputTokens)
        write(.cost, amounts.cost)
        return 2 * count
    }

    private mutating func add(_ plan: consuming ScopePlan) {
        plan.batchNumber = number
        plan.batchPlace = Int32(plans.count + 1)
        if plan.set.batchNumber != number {
            sets.append(plan.set)
            plan.set.batchNumber = number
            plan.set.batchPlace = sets.count
        }
        if plan.partition == partition {
            plan.withKey { keys.append($0) }
        } else {
            // Only the text of a scope without limits and history matters: its key is neither read nor written.
            keys.appendBulk(prefix + KeySpace.name(ofScope: String(decoding: plan.text, as: UTF8.self)))
        }
        let place = Int64(plan.set.batchPlace)
        scopes.writeMessagePack(atMost: MessagePackWriter.maxIntegerLength + plan.label.count) { writer in
            writer.write(place)
            plan.withLabel { writer.write(packed: $0) }
        }
        // Handed on, after all that reads it: a copy of the reference would be a retain and a release.
        plans.append(plan)
    }

    /// Returns the arguments of the function that applies the batch, for a Redis clock of so many Unix ms; with an identity at most
    /// once. Its decisions count what waits in the journal. With `fixedClock` the function takes that for the time. Limit sets that
    /// Redis knows are named by their ids alone.
    package func arguments(
        at now: Int64, as identity: BatchIdentity? = nil, waiting: WaitingUsage? = nil, fixedClock: Int64? = nil,
        isKnown: (LimitSet) -> Bool = { _ in false }
    ) -> RedisFunctionArguments {
        var head = GrowingBytes(room: 512)
        head.writeMessagePack(atMost: 2 * MessagePackWriter.maxIntegerLength) { writer in
            writer.write(fixedClock ?? 0)
            writer.write(Int64(prefix.utf8.count))
        }
        writeSets(at: now, isKnown, into: &head)
        head.writeMessagePack(atMost: MessagePackWriter.maxIntegerLength) { $0.write(arrayOf: plans.count * 2) }
        var operationsHead = GrowingBytes(room: MessagePackWriter.maxIntegerLength)
        operationsHead.writeMessagePack(atMost: MessagePackWriter.maxIntegerLength) {
            $0.write(arrayOf: operationItems)
        }
        var tail = ByteBuffer()
        if textCount == 0 {
            tail.writeMessagePack(0)
        } else {
            tail.writeMessagePack(arrayOf: textCount)
            tail.writeImmutableBuffer(texts)
        }
        tail.writeMessagePack(identity?.sequence ?? 0)
        write(waiting, into: &tail)

        let length = head.count + scopes.count + operationsHead.count + operations.count + tail.readableBytes
        let keyCount = plans.count + marks.count + (identity == nil ? 0 : 1)
        var command = GrowingBytes(room: length + keys.count + idempotencyKeys.readableBytes + 256)
        command.appendBulk(String(keyCount))
        command.append(keys)
        command.append(idempotencyKeys)
        if let identity { command.appendBulk(keySpace.lastBatch(of: identity.producer, in: partition)) }
        command.append(Array("$\(length)\r\n".utf8))
        command.append(head)
        command.append(scopes)
        command.append(operationsHead)
        command.append(operations)
        command.append(tail)
        command.append(Array("\r\n".utf8))
        return RedisFunctionArguments(count: keyCount + 2, bytes: command.withBytes { ByteBuffer(bytes: $0) })
    }
}

extension BatchEncoder {
    /// The ids of the limit sets, and what those say that Redis does not know; no list where it knows all.
    private func writeSets(at now: Int64, _ isKnown: (LimitSet) -> Bool, into bytes: inout GrowingBytes) {
        var unknown = GrowingBytes(room: 512)
        var isAnyUnknown = false
        bytes.writeMessagePack(atMost: MessagePackWriter.maxIntegerLength) { $0.write(arrayOf: sets.count) }
        for set in sets {
            let encoding = set.encoding(at: now)
            bytes.append(set.id)
            if isKnown(set) {
                unknown.append(MessagePackWriter.falsehood)
            } else {
                isAnyUnknown = true
                unknown.append(encoding)
            }
        }
        bytes.writeMessagePack(atMost: MessagePackWriter.maxIntegerLength) {
            $0.write(arrayOf: isAnyUnknown ? sets.count : 0)
        }
        if isAnyUnknown { bytes.append(unknown) }
    }

    /// Scope, meter and amount, again and again, of what waits for the scopes; 0 for nothing.
    private func write(_ waiting: WaitingUsage?, into buffer: inout ByteBuffer) {
        guard let waiting, !waiting.isEmpty else { return buffer.writeMessagePack(0) }
        var numbers: [Int64] = []
        for (place, plan) in plans.enumerated() {
            for (meter, amount) in waiting.amounts(of: String(decoding: plan.text, as: UTF8.self)) ?? [:] {
                numbers += [Int64(place + 1), Int64(meter.rawValue), amount]
            }
        }
        guard !numbers.isEmpty else { return buffer.writeMessagePack(0) }
        buffer.writeMessagePack(arrayOf: numbers.count)
        for number in numbers { buffer.writeMessagePack(number) }
    }
}

extension GrowingBytes {
    fileprivate mutating func append(_ buffer: ByteBuffer) {
        buffer.withUnsafeReadableBytes { append($0) }
    }

    fileprivate mutating func append(_ bytes: GrowingBytes) {
        bytes.withBytes { append($0) }
    }

    /// A RESP bulk string.
    fileprivate mutating func appendBulk(_ text: String) {
        append(Array("$\(text.utf8.count)\r\n\(text)\r\n".utf8))
    }
}

extension ByteBuffer {
    /// A RESP bulk string.
    mutating func writeBulk(_ text: String) {
        writeString("$\(text.utf8.count)\r\n\(text)\r\n")
    }
}
