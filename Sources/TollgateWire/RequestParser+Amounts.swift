import TollgateCore

extension RequestParser {
    static func takeAmount(
        _ meter: Meter, _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) {
        guard request.amounts[meter] == nil else { throw .badRequest(key, "named twice") }
        request.amounts[meter] = try takeNumber(key, &cursor, &request) { amount($0, of: meter) }
    }

    /// Whole seconds, 1 … `maxTimeToLive`.
    static func takeTimeToLive(
        _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request
    ) throws(RequestError) -> Int64 {
        let seconds = try takeNumber(key, &cursor, &request) { wholeNumber($0, largest: maxTimeToLive) }
        guard seconds >= 1 else { throw .badRequest(key, "expected 1 to \(maxTimeToLive) seconds") }
        return seconds
    }

    private static func takeNumber(
        _ key: UnsafeRawBufferPointer, _ cursor: inout WordCursor, _ request: inout Request,
        _ read: (UnsafeRawBufferPointer) -> Result<Int64, AmountFault>
    ) throws(RequestError) -> Int64 {
        let start = request.bytes.count
        do throws(JSONStringFault) {
            try cursor.takeValue(into: &request.bytes)
        } catch {
            throw .badRequest(key, error.explanation)
        }
        let range = start..<request.bytes.count
        guard !range.isEmpty else { throw .badRequest(key, "empty value") }
        defer { request.bytes.removeAll(behind: start) }
        switch request.withBytes(of: range, read) {
        case .success(let number): return number
        case .failure(let fault): throw .badRequest(key, fault.explanation)
        }
    }

    private struct AmountFault: Error {
        var explanation: String
    }

    private static func amount(_ text: UnsafeRawBufferPointer, of meter: Meter) -> Result<Int64, AmountFault> {
        guard meter == .cost else { return wholeNumber(text, largest: meter.maxAmount) }
        do throws(Money.ParsingError) {
            return .success(try Money(parsing: text).nanos)
        } catch {
            return .failure(AmountFault(explanation: error.explanation))
        }
    }

    /// Digits only: no sign, no exponent, no separator. Any number of leading zeros.
    private static func wholeNumber(_ text: UnsafeRawBufferPointer, largest: Int64) -> Result<Int64, AmountFault> {
        var value: Int64 = 0
        for byte in text {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else {
                return .failure(AmountFault(explanation: "expected a whole number"))
            }
            // Stops growing once it is too large, so that no number of digits can overflow.
            if value <= largest { value = value * 10 + Int64(byte - UInt8(ascii: "0")) }
        }
        guard value <= largest else { return .failure(AmountFault(explanation: "more than \(largest)")) }
        return .success(value)
    }
}

extension Amounts {
    /// Whether it says anything of any meter.
    var namesAny: Bool {
        requests != nil || tokens != nil || inputTokens != nil || outputTokens != nil || cost != nil
    }
}
