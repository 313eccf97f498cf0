import NIOCore
import TollgateCore

extension BatchEncoder {
    /// The script's codes of a RECORD and a REFUND with an idempotency key or a time.
    private static let recordWithTerms: Int64 = 8
    private static let refundWithTerms: Int64 = 9
    /// The script's factor of the detail of an idempotency key. A batch has fewer keys.
    private static let detailFactor: Int64 = 65_536

    /// Returns the script's code of a verb.
    static func word(for verb: OperationVerb, hasTerms: Bool) -> Int64 {
        guard hasTerms else { return Int64(verb.rawValue) }
        return verb == .record ? recordWithTerms : verb == .refund ? refundWithTerms : Int64(verb.rawValue)
    }

    /// Appends the terms of an operation, after its scopes.
    mutating func append(
        _ terms: OperationTerms?, _ times: OperationTimes, of verb: OperationVerb, on scopes: [ScopePlan]
    ) {
        let key = terms.map { position(of: $0.idempotencyKey) } ?? 0
        var numbers: [Int64] = []
        switch terms {
        case .once(let idempotencyKey)?:
            let index = key + Int64(idempotencyKey.detail) * Self.detailFactor
            numbers = [idempotencyKey.ignoresCost ? -index : index]
        case nil: numbers = [key]
        case .reserving(let reservation)?: numbers = [addText(reservation.hold), reservation.timeToLive, key]
        case .ending(let reservation)?:
            numbers = [addText(reservation.hold), reservation.requests, reservation.madeAt, reservation.endsAt, key]
        }
        if terms?.reserving == nil {
            let periodTime = verb == .cancel ? nil : times.periodTime(of: terms)
            numbers += [times.usedAt ?? 0, addHistoryPeriods(at: periodTime, now: times.now, of: scopes)]
        }
        operations.writeMessagePack(atMost: MessagePackWriter.maxIntegerLength * numbers.count) { writer in
            for number in numbers { writer.write(number) }
        }
        operationItems += numbers.count
    }

    /// Adds the text of the days and months of history at a time, and returns its position; 0 if they are the current
    /// ones.
    private mutating func addHistoryPeriods(at time: Int64?, now: Int64, of scopes: [ScopePlan]) -> Int64 {
        guard let time else { return 0 }
        // A batch is applied a little later than it is encoded.
        let isOther = scopes.contains { plan in
            plan.set.history != nil && !plan.set.isSamePeriods(time, now + Self.maxWait)
        }
        return isOther ? addText(scopes.map { $0.set.historyPeriods(at: time) }.joined(separator: ";")) : 0
    }

    /// The maximum time until a batch is applied, in ms.
    private static let maxWait: Int64 = 60_000

    /// Adds a text, and returns its position.
    private mutating func addText(_ text: String) -> Int64 {
        texts.writeMessagePack(text.utf8)
        textCount += 1
        return Int64(textCount)
    }

    /// Returns the position of an idempotency key. Operations of a batch with the same key share it.
    private mutating func position(of key: IdempotencyKey) -> Int64 {
        if let position = keyPositions[key.name] { return Int64(position) }
        idempotencyKeys.writeBulk(prefix + key.name)
        keyPositions[key.name] = keyPositions.count + 1
        return Int64(keyPositions.count)
    }
}

// MARK: - Decoding

/// An operation that was decoded from a batch.
struct BatchedOperation {
    var verb: OperationVerb
    var amounts: Amounts
    var scopes: [ScopePlan]
    /// The time of the usage, if the request had one (Unix ms).
    var usedAt: Int64?
}

extension BatchEncoder {
    /// Returns the operations of the batch, in order. They are decoded only when Redis could not be reached, and to count the
    /// usage of writes.
    func batchedOperations() -> [BatchedOperation] {
        operations.withBytes { bytes in
            var reader = MessagePackReader(bytes)
            var result: [BatchedOperation] = []
            while let operation = nextOperation(&reader) { result.append(operation) }
            return result
        }
    }

    private func nextOperation(_ reader: inout MessagePackReader) -> BatchedOperation? {
        guard let word = reader.readInteger() else { return nil }
        var operation = BatchedOperation(verb: Self.verb(for: word), amounts: Amounts(requests: 1), scopes: [])
        if word != Self.plainCheck {
            operation.amounts = Amounts()
            for _ in 0..<(reader.readInteger() ?? 0) {
                guard let number = reader.readInteger(), let amount = reader.readInteger(),
                    let meter = Meter(rawValue: UInt8(number))
                else { return nil }
                operation.amounts[meter] = amount
            }
        }
        for _ in 0..<(reader.readInteger() ?? 0) {
            guard let position = reader.readInteger() else { return nil }
            operation.scopes.append(plans[Int(position) - 1])
        }
        let terms = (0..<Self.termCount(of: word)).map { _ in reader.readInteger() ?? 0 }
        // The last but one term of all verbs that have it.
        if word > Int64(OperationVerb.reserve.rawValue), terms.count >= 3, terms[terms.count - 2] > 0 {
            operation.usedAt = terms[terms.count - 2]
        }
        return operation
    }

    private static func verb(for word: Int64) -> OperationVerb {
        switch word {
        case recordWithTerms: .record
        case refundWithTerms: .refund
        default: OperationVerb(rawValue: UInt8(word)) ?? .check
        }
    }

    private static func termCount(of word: Int64) -> Int {
        switch OperationVerb(rawValue: UInt8(word)) {
        case .reserve: 3
        case .commit, .cancel: 7
        case .check, .peek, .record, .refund, .sweep: 0
        case nil: word == recordWithTerms || word == refundWithTerms ? 3 : 0
        }
    }
}
