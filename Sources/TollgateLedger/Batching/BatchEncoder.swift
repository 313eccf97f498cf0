import NIOCore
package import TollgateCore
package import TollgateRedis

/// Encodes operations for the batch function (batch.lua), with each distinct scope and limit set once. Owned by one
/// event loop, like its plans.
package struct BatchEncoder {
    private let number: Int
    /// The distinct scopes, in the order of the function's keys.
    package private(set) var plans: [ScopePlan] = []
    /// Whether all operations are PEEKs, which change nothing.
    private(set) var onlyPeeks = true
    private(set) var sets: [LimitSet] = []

    private var keys = GrowingBytes(room: 4_096)
    private var scopes = GrowingBytes(room: 512)
    var operations = GrowingBytes(room: 2_048)
    var operationItems = 0
    /// The texts that operations refer to by their positions, such as holds.
    var texts = ByteBuffer()
    var textCount = 0
    /// The positions of the idempotency keys, from 1, by their names.
    var keyPositions: [String: Int] = [:]
    var idempotencyKeys = ByteBuffer()
    private let keySpace: KeySpace
    let partition: KeySpace.Partition?
    /// The prefix of all keys.
    let prefix: String

    /// Creates an empty encoder.
    ///
    /// - Parameters:
    ///   - number: The number of the batch, unique among all batches that share plans.
    ///   - partition: The partition of all keys.
    package init(number: Int, keySpace: KeySpace, partition: KeySpace.Partition? = nil) {
        self.number = number
        self.keySpace = keySpace
        self.partition = partition
        prefix = keySpace.prefix(of: partition)
    }

    /// Adds an operation on scopes. Callers leave out inert ones, except for a COMMIT or CANCEL.
    package mutating func append(
        _ verb: OperationVerb, _ amounts: Amounts, on scopes: [ScopePlan], terms: OperationTerms? = nil,
        times: OperationTimes = OperationTimes()
    ) {
        if verb != .peek { onlyPeeks = false }
        let hasTerms = terms != nil || times.usedAt != nil
        for plan in scopes where plan.batchNumber != number { add(plan) }
        let maxLength = MessagePackWriter.maxIntegerLength * (Self.maxItemsWithoutScopes + scopes.count)
        operations.writeMessagePack(atMost: maxLength) { writer in
            if verb == .check, amounts.areOneRequest {
                writer.write(Self.plainCheck)
                operationItems += 2 + scopes.count
            } else {
                writer.write(Self.word(for: verb, hasTerms: hasTerms))
                operationItems += 3 + scopes.count + Self.write(amounts, to: &writer)
            }
            writer.write(Int64(scopes.count))
            for plan in scopes { writer.write(Int64(plan.batchPosition)) }
        }
        if hasTerms { append(terms, times, of: verb, on: scopes) }
    }

    /// The verb, the count of amounts, five meters with an amount each, and the count of scopes.
    private static let maxItemsWithoutScopes = 13
    /// The script's code of a CHECK of one request without other amounts.
    static let plainCheck: Int64 = 0

    /// Writes the amounts that are set. Returns the number of items written.
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
        plan.batchPosition = Int32(plans.count + 1)
        if plan.set.batchNumber != number {
            sets.append(plan.set)
            plan.set.batchNumber = number
            plan.set.batchPosition = sets.count
        }
        if plan.partition == partition {
            plan.withKey { keys.append($0) }
        } else {
            // A scope without limits and history: its text matters, but its key is neither read nor written.
            keys.appendBulk(prefix + KeySpace.name(ofScope: String(decoding: plan.text, as: UTF8.self)))
        }
        let setPosition = Int64(plan.set.batchPosition)
        scopes.writeMessagePack(atMost: MessagePackWriter.maxIntegerLength + plan.label.count) { writer in
            writer.write(setPosition)
            plan.withLabel { writer.write(packed: $0) }
        }
        // Last, so that the reference moves: a copy would cost a retain and a release.
        plans.append(plan)
    }

    /// Returns the arguments of the function that applies the batch.
    ///
    /// - Parameters:
    ///   - now: The time of Redis's clock, Unix ms.
    ///   - identity: The identity under which the batch is applied at most once.
    ///   - waiting: The usage in the journal, which decisions count.
    ///   - fixedClock: The current time for tests, instead of Redis's clock.
    ///   - isKnown: Whether Redis knows a limit set, which then is sent as its id alone.
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
        let keyCount = plans.count + keyPositions.count + (identity == nil ? 0 : 1)
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
    /// Writes the ids of the limit sets, and the encodings of those that Redis does not know; an empty list if it knows
    /// all.
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

    /// Writes the waiting usage of the scopes as a flat list of scope, meter and amount; 0 if there is none.
    private func write(_ waiting: WaitingUsage?, into buffer: inout ByteBuffer) {
        guard let waiting, !waiting.isEmpty else { return buffer.writeMessagePack(0) }
        var numbers: [Int64] = []
        for (index, plan) in plans.enumerated() {
            for (meter, amount) in waiting.amounts(of: String(decoding: plan.text, as: UTF8.self)) ?? [:] {
                numbers += [Int64(index + 1), Int64(meter.rawValue), amount]
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

    /// Appends a RESP bulk string.
    fileprivate mutating func appendBulk(_ text: String) {
        append(Array("$\(text.utf8.count)\r\n\(text)\r\n".utf8))
    }
}

extension ByteBuffer {
    /// Appends a RESP bulk string.
    mutating func writeBulk(_ text: String) {
        writeString("$\(text.utf8.count)\r\n\(text)\r\n")
    }
}
