import NIOCore
import TollgateCore

extension BatchEncoder {
    /// The script's words for a RECORD and a REFUND that count once.
    private static let recordOnce: Int64 = 8
    private static let refundOnce: Int64 = 9

    static func word(for verb: OperationVerb, _ terms: OperationTerms?) -> Int64 {
        if case .once? = terms { return verb == .refund ? refundOnce : recordOnce }
        return Int64(verb.rawValue)
    }

    /// What follows the scopes of an operation.
    mutating func append(_ terms: OperationTerms) {
        var numbers: [Int64] = []
        switch terms {
        case .once: break
        case .reserving(let reservation):
            numbers = [place(ofText: reservation.hold), reservation.timeToLive]
        case .settling(let reservation):
            numbers = [place(ofText: reservation.hold), reservation.hits, reservation.madeAt, reservation.endsAt]
        }
        numbers.append(place(of: terms.mark))
        for number in numbers { operations.writeMessagePack(number) }
        operationItems += numbers.count
    }

    private mutating func place(ofText text: String) -> Int64 {
        texts.writeMessagePack(text.utf8)
        textCount += 1
        return Int64(textCount)
    }

    /// Two operations of a batch that are known by the same mark share its key.
    private mutating func place(of mark: OperationMark) -> Int64 {
        if let place = marks[mark] { return Int64(place) }
        markKeys.writeBulk("\(namespace):\(mark.key)")
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
}

extension BatchEncoder {
    /// The operations of the batch, in their order. Read back from their encoding only when Redis could not be reached, so
    /// that keeping them costs nothing when it can.
    func batchedOperations() -> [BatchedOperation] {
        operations.withUnsafeReadableBytes { bytes in
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
        for _ in 0..<Self.termCount(of: word) { _ = reader.readInteger() }
        return operation
    }

    private static func verb(for word: Int64) -> OperationVerb {
        switch word {
        case recordOnce: .record
        case refundOnce: .refund
        default: OperationVerb(rawValue: UInt8(word)) ?? .check
        }
    }

    private static func termCount(of word: Int64) -> Int {
        switch OperationVerb(rawValue: UInt8(word)) {
        case .reserve: 3
        case .commit, .cancel: 5
        case .check, .peek, .record, .refund: 0
        case nil: word == recordOnce || word == refundOnce ? 1 : 0
        }
    }
}
