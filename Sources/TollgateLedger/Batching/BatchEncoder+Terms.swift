import NIOCore
import TollgateCore

extension BatchEncoder {
    /// The script's words for a RECORD and a REFUND that count once, or as of another time.
    private static let recordWith: Int64 = 8
    private static let refundWith: Int64 = 9

    static func word(for verb: OperationVerb, hasTerms: Bool) -> Int64 {
        guard hasTerms else { return Int64(verb.rawValue) }
        return verb == .record ? recordWith : verb == .refund ? refundWith : Int64(verb.rawValue)
    }

    /// What follows the scopes of an operation.
    mutating func append(
        _ terms: OperationTerms?, _ times: OperationTimes, of verb: OperationVerb, on scopes: [ScopePlan]
    ) {
        let mark = terms.map { place(of: $0.mark) } ?? 0
        var numbers: [Int64] = []
        switch terms {
        case .once?, nil: numbers = [mark]
        case .reserving(let reservation)?: numbers = [place(ofText: reservation.hold), reservation.timeToLive, mark]
        case .ending(let reservation)?:
            numbers = [
                place(ofText: reservation.hold), reservation.hits, reservation.madeAt, reservation.endsAt, mark,
            ]
        }
        if terms?.reserving == nil {
            let periodTime = verb == .cancel ? nil : times.periodTime(of: terms)
            numbers += [times.usedAt ?? 0, pages(at: periodTime, now: times.now, of: scopes)]
        }
        operations.writeMessagePack(atMost: MessagePackWriter.maxIntegerLength * numbers.count) { writer in
            for number in numbers { writer.write(number) }
        }
        operationItems += numbers.count
    }

    /// The text of the pages of history that a time belongs to; 0 where these are the present ones anyway.
    private mutating func pages(at time: Int64?, now: Int64, of scopes: [ScopePlan]) -> Int64 {
        guard let time else { return 0 }
        // A batch is applied a little later than now.
        let isOther = scopes.contains { plan in
            plan.set.history != nil && !plan.set.isSamePeriods(time, now + Self.maxWait)
        }
        return isOther ? place(ofText: scopes.map { $0.set.page(at: time) }.joined(separator: ";")) : 0
    }

    /// In ms.
    private static let maxWait: Int64 = 60_000

    private mutating func place(ofText text: String) -> Int64 {
        texts.writeMessagePack(text.utf8)
        textCount += 1
        return Int64(textCount)
    }

    /// Two operations of a batch that are known by the same mark share its key.
    private mutating func place(of mark: IdempotencyKey) -> Int64 {
        if let place = marks[mark] { return Int64(place) }
        idempotencyKeys.writeBulk(prefix + mark.name)
        marks[mark] = marks.count + 1
        return Int64(marks.count)
    }
}

// MARK: - Reading back

/// One operation as it was put into a batch.
struct BatchedOperation {
    var verb: OperationVerb
    var amounts: Amounts
    var scopes: [ScopePlan]
    /// When it was used, where that was said (Unix ms).
    var usedAt: Int64?
}

extension BatchEncoder {
    /// The operations of the batch, in their order. Read back from their encoding only when Redis could not be reached, so
    /// that keeping them costs nothing when it can.
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
            guard let place = reader.readInteger() else { return nil }
            operation.scopes.append(plans[Int(place) - 1])
        }
        let terms = (0..<Self.termCount(of: word)).map { _ in reader.readInteger() ?? 0 }
        // The last but one of all that have it.
        if word > Int64(OperationVerb.reserve.rawValue), terms.count >= 3, terms[terms.count - 2] > 0 {
            operation.usedAt = terms[terms.count - 2]
        }
        return operation
    }

    private static func verb(for word: Int64) -> OperationVerb {
        switch word {
        case recordWith: .record
        case refundWith: .refund
        default: OperationVerb(rawValue: UInt8(word)) ?? .check
        }
    }

    private static func termCount(of word: Int64) -> Int {
        switch OperationVerb(rawValue: UInt8(word)) {
        case .reserve: 3
        case .commit, .cancel: 7
        case .check, .peek, .record, .refund: 0
        case nil: word == recordWith || word == refundWith ? 3 : 0
        }
    }
}
