import Foundation
import TollgateCore

/// Reads the fields of a JSON object and collects errors. A null field has the wrong type.
struct ObjectReader {
    private let fields: [String: JSONValue]
    private(set) var errors: [Problem.FieldError] = []

    /// Parses the object. Throws a `Problem` if the bytes are not JSON. A value that is not an object and fields that
    /// are not allowed are collected as errors. Empty input is an empty object.
    init(_ json: Data, allowed: [String]) throws(Problem) {
        guard !json.isEmpty else {
            fields = [:]
            return
        }
        let value: JSONValue
        do throws(JSONParser.Fault) {
            value = try JSONValue(parsing: json)
        } catch {
            throw .notJSON(error)
        }
        fields = value.members ?? [:]
        if value.members == nil { report("", "expected an object, found \(value.found)") }
        let expected =
            allowed.isEmpty ? "no fields are allowed here" : "expected one of \(allowed.joined(separator: ", "))"
        for key in fields.keys.sorted() where !allowed.contains(key) {
            report(String(key.prefix(64)), "unknown field; \(expected)")
        }
    }

    /// The maximum number of errors to report.
    private static let maxErrors = 100

    /// Adds an error about a field.
    mutating func report(_ field: String, _ message: String) {
        guard errors.count < Self.maxErrors else { return }
        errors.append(Problem.FieldError(field: field, message: message))
    }

    /// Throws the collected errors, if there are any.
    func finish() throws(Problem) {
        guard errors.isEmpty else { throw .invalid(errors) }
    }

    subscript(_ key: String) -> JSONValue? { fields[key] }

    /// Reads a whole number.
    mutating func wholeNumber(_ key: String, in range: ClosedRange<Int64>) -> Int64? {
        guard let value = fields[key] else { return nil }
        guard case .integer(let number) = value, range.contains(number) else {
            report(key, "expected a whole number from \(range.lowerBound) to \(range.upperBound), found \(value.found)")
            return nil
        }
        return number
    }

    /// Reads a number of seconds, with at most three fraction digits, as milliseconds.
    mutating func milliseconds(_ key: String, max: Int64) -> Int64? {
        guard let unit = MoneyUnit(decimals: 3), let amount = money(key, in: unit) else { return nil }
        guard amount <= max else {
            report(key, "expected at most \(max / 1_000) seconds")
            return nil
        }
        return amount
    }

    /// Reads decimal text or a number as an amount in a unit.
    mutating func money(_ key: String, in unit: MoneyUnit) -> Int64? {
        guard let value = fields[key] else { return nil }
        let text: String
        switch value {
        case .string(let string): text = string
        case .integer(let number): text = "\(number)"
        case .decimal(let number): text = "\(number)"
        case .null, .bool, .array, .object: text = ""
        }
        do throws(MoneyError) {
            return try unit.amount(parsing: text.utf8)
        } catch {
            report(key, "\(error.explanation), found \(value.found)")
            return nil
        }
    }

    /// Reads text of 1 … `maxLength` bytes without control characters.
    mutating func text(_ key: String, maxLength: Int) -> String? {
        guard let value = fields[key] else { return nil }
        guard let text = value.text, Self.isPrintable(text), (1...maxLength).contains(text.utf8.count) else {
            report(key, "expected 1 to \(maxLength) bytes of text without control characters, found \(value.found)")
            return nil
        }
        return text
    }

    /// Reads a list of texts, each of 1 … `maxLength` bytes.
    mutating func texts(_ key: String, maxLength: Int) -> [String]? {
        guard let value = fields[key] else { return nil }
        guard let items = value.items else {
            report(key, "expected a list of texts, found \(value.found)")
            return nil
        }
        var texts: [String] = []
        for (index, item) in items.enumerated() {
            if let text = item.text, Self.isPrintable(text), (1...maxLength).contains(text.utf8.count) {
                texts.append(text)
            } else {
                report("\(key)[\(index)]", "expected 1 to \(maxLength) bytes of text, found \(item.found)")
            }
        }
        return texts
    }

    static func isPrintable(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }
}
