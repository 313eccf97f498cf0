import TollgateCore

/// A JSON object of a reply, with its path. Unknown fields are ignored; errors name the field.
struct ReplyObject {
    private let members: [String: ParsedJSON]
    /// The path in the reply, such as `data[0].`; empty for the reply itself.
    private let path: String

    private init(members: [String: ParsedJSON], path: String) {
        self.members = members
        self.path = path
    }

    /// Parses a reply.
    init(_ body: some Sequence<UInt8>) throws(ProviderFailure) {
        let json: ParsedJSON
        do throws(JSONParser.Fault) {
            json = try JSONParser.value(of: body)
        } catch {
            throw .malformed("the body \(error.description)")
        }
        guard let members = json.members else { throw .malformed("expected an object, found \(Self.type(of: json))") }
        self.init(members: members, path: "")
    }

    /// The keys in order.
    var keys: [String] { members.keys.sorted() }

    /// The full name of a field for errors.
    func name(_ key: String) -> String { path + key.prefix(64) }

    private subscript(_ key: String) -> ParsedJSON? {
        guard let value = members[key], value != .null else { return nil }
        return value
    }

    private func fault(_ key: String, _ expected: String) -> ProviderFailure {
        .malformed("\(name(key)): expected \(expected), found \(Self.type(of: members[key]))")
    }

    /// The type of a value. Texts are not quoted, as they could be secrets.
    private static func type(of value: ParsedJSON?) -> String {
        switch value {
        case nil: "none"
        case .string: "text"
        case .some(let value): value.found
        }
    }

    /// Reads an object; nil if it is missing or null.
    func objectIfPresent(_ key: String) throws(ProviderFailure) -> ReplyObject? {
        guard let value = self[key] else { return nil }
        guard let members = value.members else { throw fault(key, "an object") }
        return ReplyObject(members: members, path: name(key) + ".")
    }

    func object(_ key: String) throws(ProviderFailure) -> ReplyObject {
        guard let object = try objectIfPresent(key) else { throw fault(key, "an object") }
        return object
    }

    /// Reads a list of objects.
    func objects(_ key: String) throws(ProviderFailure) -> [ReplyObject] {
        guard let items = self[key]?.items else { throw fault(key, "a list") }
        var objects: [ReplyObject] = []
        objects.reserveCapacity(items.count)
        for (index, item) in items.enumerated() {
            guard let members = item.members else {
                throw .malformed("\(name(key))[\(index)]: expected an object, found \(Self.type(of: item))")
            }
            objects.append(ReplyObject(members: members, path: "\(name(key))[\(index)]."))
        }
        return objects
    }

    /// Reads a text; nil if it is missing or null.
    func textIfPresent(_ key: String) throws(ProviderFailure) -> String? {
        guard let value = self[key] else { return nil }
        guard case .string(let text) = value else { throw fault(key, "text") }
        return text
    }

    func text(_ key: String) throws(ProviderFailure) -> String {
        guard let text = try textIfPresent(key) else { throw fault(key, "text") }
        return text
    }

    /// Reads true or false; nil if it is missing or null.
    func boolIfPresent(_ key: String) throws(ProviderFailure) -> Bool? {
        guard let value = self[key] else { return nil }
        guard case .bool(let truth) = value else { throw fault(key, "true or false") }
        return truth
    }

    /// Reads a decimal number from a JSON number or from text; nil if it is missing or null.
    ///
    /// - Parameter canBeNegative: Whether a negative number is read as zero, and is not an error.
    func decimalIfPresent(_ key: String, canBeNegative: Bool = false) throws(ProviderFailure) -> ExactDecimal? {
        let digits: String
        switch self[key] {
        case nil: return nil
        case .number(let text), .string(let text): digits = text
        default: throw fault(key, "a decimal number")
        }
        do throws(ExactDecimal.Fault) {
            return try ExactDecimal(parsing: digits)
        } catch {
            if error == .negative, canBeNegative { return ExactDecimal() }
            throw .malformed("\(name(key)): \(error.explanation)")
        }
    }

    /// Reads a cost from a JSON number or from text; nil if it is missing or null. A negative one is a credit.
    func costIfPresent(_ key: String) throws(ProviderFailure) -> (amount: ExactDecimal, isCredit: Bool)? {
        switch self[key] {
        case .number(let text)? where text.hasPrefix("-"), .string(let text)? where text.hasPrefix("-"):
            do throws(ExactDecimal.Fault) {
                return (try ExactDecimal(parsing: String(text.dropFirst())), true)
            } catch {
                throw .malformed("\(name(key)): \(error.explanation)")
            }
        default: return try decimalIfPresent(key).map { ($0, false) }
        }
    }

    func decimal(_ key: String, canBeNegative: Bool = false) throws(ProviderFailure) -> ExactDecimal {
        guard let decimal = try decimalIfPresent(key, canBeNegative: canBeNegative) else {
            throw fault(key, "a decimal number")
        }
        return decimal
    }

    /// Reads a whole number of 0 … 10¹⁵; nil if it is missing or null.
    func countIfPresent(_ key: String) throws(ProviderFailure) -> Int64? {
        guard let value = self[key] else { return nil }
        guard case .number = value else { throw fault(key, "a whole number") }
        guard let count = try decimal(key).integer else { throw fault(key, "a whole number") }
        return count
    }

    func count(_ key: String) throws(ProviderFailure) -> Int64 {
        guard let count = try countIfPresent(key) else { throw fault(key, "a whole number") }
        return count
    }

    /// Reads an amount of US dollars; nil if it is missing or null.
    func dollarsIfPresent(_ key: String, canBeNegative: Bool = false) throws(ProviderFailure) -> Money? {
        try decimalIfPresent(key, canBeNegative: canBeNegative)?.rounded(timesTenToThe: 9).map { Money(nanos: $0) }
    }
}
